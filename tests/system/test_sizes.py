"""Modules and functions stay small enough to be read at once.

A test module is a list of cases, and a story is told in one piece: there they may be longer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.places import ROOT


@dataclass(frozen=True)
class Bounds:
    """In lines. `function`: without its docstring."""

    file: int
    function: int


CODE, TESTS = Bounds(300, 30), Bounds(450, 60)
FOLDERS = {
    "crds/matinee_api": CODE,
    "operator/matinee_operator": CODE,
    "runtime/matinee": CODE,
    "tools": CODE,
    "benchmarks": CODE,
    "tests": TESTS,
    "e2e": TESTS,
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_and_functions_are_small(folder: str) -> None:
    large = [
        f"{path}: {what}"
        for path in (file.relative_to(ROOT) for file in sorted((ROOT / folder).rglob("*.py")))
        for what in too_large(
            (ROOT / path).read_text(), TESTS if "tests" in path.parts else FOLDERS[folder]
        )
    ]
    assert large == []


def too_large(text: str, most: Bounds) -> Iterator[str]:
    if (lines := len(text.splitlines())) > most.file:
        yield f"{lines} lines"
    for name, lines in functions(text):
        if lines > most.function:
            yield f"{name} has {lines} lines"


def functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.body[-1].end_lineno or 0
            first = node.body[0]
            if ast.get_docstring(node, clean=False) is not None:
                lines -= (first.end_lineno or 0) - first.lineno + 1
            yield node.name, lines - node.lineno + 1
