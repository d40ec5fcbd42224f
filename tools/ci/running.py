"""Runs stages, each as soon as those before it have passed, and tells of each when it ends."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools.ci.stages import Stage

LOOK_EVERY_S = 0.1

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """`status`: that of the command; None when it was skipped."""

    stage: str
    status: int | None
    seconds: float = 0.0

    @property
    def is_failure(self) -> bool:
        return self.status not in (0, None)


@dataclass(frozen=True)
class _Running:
    stage: Stage
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    began: float


def run(stages: Sequence[Stage], logs: Path, say: Say) -> list[Outcome]:
    """What became of them, in the order in which they ended. After a failure none is begun."""
    logs.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    running: list[_Running] = []
    waiting = list(stages)
    try:
        while waiting or running:
            if not any(outcome.is_failure for outcome in outcomes):
                for stage in _ready(waiting, outcomes):
                    waiting.remove(stage)
                    _begin(stage, logs, say, running, outcomes)
            elif not running:
                break
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                outcomes.append(_end(one, say))
            time.sleep(LOOK_EVERY_S if running else 0)
    finally:
        for one in running:
            one.process.terminate()
            one.process.wait()
            _end(one, say)
    return outcomes


def _ready(waiting: Iterable[Stage], outcomes: Iterable[Outcome]) -> list[Stage]:
    done = {outcome.stage for outcome in outcomes}
    return [stage for stage in waiting if done.issuperset(stage.after)]


def _begin(
    stage: Stage, logs: Path, say: Say, running: list[_Running], outcomes: list[Outcome]
) -> None:
    if (reason := stage.why_not()) is not None:
        say(f"=== {stage.name}: skipped, because {reason}")
        outcomes.append(Outcome(stage.name, None))
        return
    file = logs / f"{stage.name}.log"
    log = file.open("w+b")
    process = subprocess.Popen(stage.command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
    running.append(_Running(stage, process, log, time.monotonic()))
    say(f"=== {stage.name}: begins, `{' '.join(stage.command)}`; its output: {file}")


def _end(one: _Running, say: Say) -> Outcome:
    seconds = time.monotonic() - one.began
    with one.log:
        one.log.seek(0)
        said = one.log.read().decode(errors="replace")
    status = one.process.wait()
    verdict = "passed" if status == 0 else "FAILED"
    told = f"\n{said.rstrip()}\n" if said.strip() else ""
    say(f"{told}=== {one.stage.name}: {verdict} after {seconds:.0f} s")
    if status == 0:
        one.stage.when_green()
    return Outcome(one.stage.name, status, seconds)
