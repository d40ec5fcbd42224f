"""A folder of states that several processes share, and that one dies over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = "tests.system.store.saving_program"


def test_of_two_processes_the_one_that_claimed_last_saves(tmp_path: Path) -> None:
    said = _run("two holders", tmp_path)
    assert said == [
        "first saves 1: ok",
        "second claims: ok",
        "first saves 2: session s1 is no longer ours to save: second has claimed it",
        "second saves 3: ok",
        "history: [1, 3]",
    ]


def test_a_writer_that_is_killed_between_any_two_steps_leaves_the_old_state_or_the_new(
    tmp_path: Path,
) -> None:
    """Each line: what was about to happen, what is loaded afterwards, who may still save."""
    *killed, whole = _run("killed", tmp_path)
    steps = [line.split(": ")[0] for line in killed]
    assert {"open", "fcntl.flock", "os.rename", "os.remove"} <= set(steps), steps
    found = [line.split(": ")[1] for line in killed]
    put_in_place = steps.index("os.rename") + 1
    assert found[:put_in_place] == ["old"] * put_in_place
    assert found[put_in_place:] == ["new"] * (len(found) - put_in_place)
    assert whole == "finished: new"


def _run(story: str, folder: Path) -> list[str]:
    program = subprocess.run(
        [sys.executable, "-m", PROGRAM, story, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return program.stdout.splitlines()
