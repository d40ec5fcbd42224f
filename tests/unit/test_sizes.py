"""Modules and functions stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.places import ROOT

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 30
"""Without its docstring."""
PACKAGES = ("crds/matinee_api", "operator/matinee_operator", "runtime/matinee")


@pytest.mark.parametrize("package", PACKAGES)
def test_files_and_functions_are_small(package: str) -> None:
    large = [
        f"{path.relative_to(ROOT)}: {what}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for what in too_large(path.read_text())
    ]
    assert large == []


def too_large(text: str) -> Iterator[str]:
    if (lines := len(text.splitlines())) > MOST_LINES_OF_A_FILE:
        yield f"{lines} lines"
    for name, lines in functions(text):
        if lines > MOST_LINES_OF_A_FUNCTION:
            yield f"{name} has {lines} lines"


def functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.body[-1].end_lineno or 0
            first = node.body[0]
            if ast.get_docstring(node) is not None:
                lines -= (first.end_lineno or 0) - first.lineno + 1
            yield node.name, lines - node.lineno + 1
