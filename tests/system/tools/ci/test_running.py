from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.ci.running import Outcome, run
from tools.ci.stages import Stage


def shell(name: str, command: str, *after: str) -> Stage:
    return Stage(name, ("sh", "-c", command), after)


def statuses(outcomes: list[Outcome]) -> list[tuple[str, int | None]]:
    return [(outcome.stage, outcome.status) for outcome in outcomes]


def test_a_stage_waits_for_those_that_it_names(tmp_path: Path) -> None:
    made = tmp_path / "made"
    stages = [shell("reads", f"cat {made}", "makes"), shell("makes", f"touch {made}")]
    assert statuses(run(stages, tmp_path, print)) == [("makes", 0), ("reads", 0)]


def test_stages_that_wait_for_nobody_run_side_by_side(tmp_path: Path) -> None:
    """Each ends only when the other has begun."""
    for name in ("one", "other"):
        subprocess.run(["mkfifo", tmp_path / name], check=True)
    stages = [
        shell("reads", f"read line < {tmp_path}/one; echo > {tmp_path}/other"),
        shell("writes", f"echo > {tmp_path}/one; read line < {tmp_path}/other"),
    ]
    assert sorted(statuses(run(stages, tmp_path, print))) == [("reads", 0), ("writes", 0)]


def test_after_a_failure_nothing_is_begun_and_what_runs_may_end(tmp_path: Path) -> None:
    subprocess.run(["mkfifo", tmp_path / "failed"], check=True)
    stages = [
        shell("fails", f"(echo > {tmp_path}/failed) & exit 3"),
        shell("goes on", f"read line < {tmp_path}/failed; sleep 0.5"),
        shell("next", "true", "fails"),
        shell("another", "true", "goes on"),
    ]
    assert statuses(run(stages, tmp_path, print)) == [("fails", 3), ("goes on", 0)]


def test_the_output_of_a_stage_is_told_in_one_piece_and_kept(tmp_path: Path) -> None:
    said: list[str] = []
    run([shell("talks", "echo one; echo two >&2; exit 1")], tmp_path / "logs", said.append)
    begins, ends = said
    assert begins == (
        "=== talks: begins, `sh -c echo one; echo two >&2; exit 1`; "
        f"its output: {tmp_path}/logs/talks.log"
    )
    assert ends == "\none\ntwo\n=== talks: FAILED after 0 s"
    assert (tmp_path / "logs" / "talks.log").read_text() == "one\ntwo\n"


def test_a_skipped_stage_is_told_with_the_reason_and_holds_nobody_up(tmp_path: Path) -> None:
    said: list[str] = []
    skipped = Stage("skipped", ("false",), why_not=lambda: "nothing changed")
    outcomes = run([skipped, shell("next", "true", "skipped")], tmp_path, said.append)
    assert statuses(outcomes) == [("skipped", None), ("next", 0)]
    assert said[0] == "=== skipped: skipped, because nothing changed"


@pytest.mark.parametrize(("command", "called"), [("true", ["green"]), ("false", [])])
def test_only_a_stage_that_passed_is_called_green(
    tmp_path: Path, command: str, called: list[str]
) -> None:
    greens: list[str] = []
    run([Stage("one", (command,), when_green=lambda: greens.append("green"))], tmp_path, print)
    assert greens == called


INTERRUPTED = """
import signal, sys
from pathlib import Path
from tools.ci.running import run
from tools.ci.stages import Stage
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
say = lambda text: print(text, flush=True)
try:
    run([Stage("sleeps", ("sleep", "600"))], Path(sys.argv[1]), say)
finally:
    run([Stage("end", ("echo", "tidied"))], Path(sys.argv[1]), say)
"""


def test_whoever_ends_it_ends_what_runs_and_the_last_stage_follows(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()
    assert "=== sleeps: FAILED" in said
    assert "tidied" in said
    assert time.monotonic() - began < 60
