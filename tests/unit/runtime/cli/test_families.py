from __future__ import annotations

import json

import pytest

from matinee.cli import main
from matinee_api.families import FAMILIES


def test_families_are_listed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["families"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["FAMILY", *(row.name for row in FAMILIES)]
    assert "Wan 2.1 and 2.2" in lines[3]


def test_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["families", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [row.name for row in FAMILIES]
    assert rows[0]["capabilities"] == ["text", "image", "continuation"]
