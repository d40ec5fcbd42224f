"""`docs/architecture.md` names the file that answers a newcomer's question. It must be true."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.places import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
ROW = re.compile(r"^\| (?P<question>[^|]+\?) \| `(?P<file>[^`]+)` \| `(?P<name>[^`]+)` \|$", re.M)
ANSWERS = {match["question"]: (match["file"], match["name"]) for match in ROW.finditer(PAGE)}
ROOMS = [ROOT / "runtime" / "matinee", ROOT / "operator" / "matinee_operator"]


def defined_in(file: Path) -> set[str]:
    """Names of classes, functions, methods and constants of a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.AsyncFunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
    return names


def test_twenty_questions_of_a_newcomer_are_answered() -> None:
    assert len(ANSWERS) >= 20


@pytest.mark.parametrize("question", ANSWERS)
def test_the_file_that_is_named_defines_what_answers(question: str) -> None:
    file, name = ANSWERS[question]
    assert name in defined_in(ROOT / file)


def test_every_room_has_a_line_on_the_page() -> None:
    rooms = {
        folder.name
        for root in ROOMS
        for folder in root.iterdir()
        if (folder / "__init__.py").exists()
    }
    assert {room for room in rooms if f"**{room}**" not in PAGE} == set()
