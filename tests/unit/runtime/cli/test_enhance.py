from __future__ import annotations

import json

import pytest

from matinee.cli import main

FREE = "a crimson sphere drifting west over navy"
MADE = "a red ball moving left on a blue background"
NOTE = 'enhanced: "crimson" as red, "sphere" as ball, "west" as left, "navy" as blue'


def test_the_prompt_is_on_stdout_and_what_was_changed_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["enhance", FREE]) == 0
    assert capsys.readouterr() == (f"{MADE}\n", f"note: {NOTE}\n")


def test_programs_read_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enhance", FREE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"prompt": MADE, "notes": [NOTE]}


def test_other_prompts_are_printed_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enhance", FREE, "--rewrite", "3"]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first == MADE
    assert len({first, *others}) == 3


def test_what_a_prompt_says_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enhance", "\x1b]0;title\x07 a ship"]) == 0
    assert "\x1b" not in "".join(capsys.readouterr())
