"""Viewers for minutes or hours, with or without attackers beside them. By hand:

    python -m tools.soak --minutes 120                   three viewers and one attacker at a time
    python -m tools.soak --minutes 120 --attackers 0     for comparison
    python -m tools.soak --minutes 120 --paced           the same over a model that computes nothing
    python -m tools.soak --minutes 120 --paced --paired  both at once, each with a server of its own

A line each minute and server: sessions and segments so far, seconds of video, underruns (a player
that starts with half a second of video would have stood still), how long these took together,
errors, and the memory, processor time, descriptors and children of the server. It ends by itself,
stops its servers, tells in a line for each what to compare, and fails when one has logged a mistake
of its own or does not end well. Viewers and attacks are drawn from the seed: paired, both servers
have the same viewers, and what else the machine does disturbs both alike. It wants two cores for
itself. Of the bundled model on these three viewers ask more than it can make in time, so that
underruns mean something beside those of a run without attackers only; the paced one is in time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

from tests.places import ROOT
from tests.system.end_to_end.serving import Server, matinee_up, running
from tools.fuzz.target import Target, mistakes
from tools.hostile.viewers import Tally, attackers, viewer
from tools.hostile.watching import memory_mb

TOLD_TO_END = 128 + signal.SIGTERM
PACED = [sys.executable, "-m", "benchmarks._paced_server"]
COLUMNS = (
    *("minute", "server", "sessions", "segments", "video s", "underruns", "still s", "refused"),
    *("errors", "server MB", "all MB", "cpu s", "files", "children", "attacks"),
)


@dataclass
class Run:
    """One server, and those who come to it."""

    name: str
    server: Server
    attackers: int
    tally: Tally = field(default_factory=Tally)
    memory_mb: list[int] = field(default_factory=list)
    """Of the server and its children, after each minute."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.soak")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--viewers", type=int, default=3)
    parser.add_argument("--attackers", type=int, default=1, help="attacks at a time; 0: none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resources", type=Path, default=ROOT / "examples" / "quickstart.yaml")
    parser.add_argument("--paced", action="store_true", help="a model that computes nothing")
    parser.add_argument("--paired", action="store_true", help="a second server without attackers")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        wanted = {"attacked": given.attackers} if given.attackers else {"alone": 0}
        wanted |= {"alone": 0} if given.paired else {}
        runs = [
            Run(name, stack.enter_context(started(given, folder / name)), attackers)
            for name, attackers in wanted.items()
        ]
        asyncio.run(soak(runs, given))
        return max(map(ended, runs))


def started(given: argparse.Namespace, folder: Path) -> AbstractContextManager[Server]:
    folder.mkdir()
    state = ("--state-dir", f"{folder}/state")
    command = PACED if given.paced else matinee_up(given.resources, *state)
    return running(command, folder / "log")


def outcome(run: Run) -> str:
    """What is to be compared with the other server, and of the memory with the end."""
    counts, memory = run.tally.counts, run.memory_mb or [0]
    return (
        f"{run.name}: {counts['underruns']} underruns, {counts['still ms'] / 1000:.1f} s still, in "
        f"{run.tally.seconds['video']:.0f} s of video; {memory[len(memory) // 2]} MB after half of "
        f"the time, {memory[-1]} MB at its end, {max(memory)} MB at most"
    )


def ended(run: Run) -> int:
    """Stop it. What is amiss; 0: nothing."""
    print(outcome(run))
    found, code = mistakes(Target(run.server, run.server)), run.server.stop()
    told = [f"{number} times: {what}" for what, number in run.tally.errors.items()]
    for line in (*found[:20], *told):
        print(f"{run.name}: {line}")
    print(f"{run.name}: the server ended with {code}; {len(found)} mistakes in its log")
    return 1 if found or code not in (0, TOLD_TO_END) else 0


async def soak(runs: list[Run], given: argparse.Namespace) -> None:
    async with asyncio.TaskGroup() as all_of_it:
        at_work = [
            all_of_it.create_task(
                viewer(run.server.url, Random(seed), run.tally)  # noqa: S311 (no secret)
                if number < given.viewers
                else attackers(run.server.port, Random(seed), run.tally)  # noqa: S311 (no secret)
            )
            for run in runs
            for number in range(given.viewers + run.attackers)
            for seed in [f"{given.seed}/{number}"]
        ]
        await _report_each_minute(runs, given.minutes)
        for task in at_work:
            task.cancel()


async def _report_each_minute(runs: list[Run], minutes: float) -> None:
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{'---:|' * len(COLUMNS)}", flush=True)
    began = time.monotonic()
    minute = 0.0
    while minute < minutes and all(run.server.process.poll() is None for run in runs):
        minute = min(minute + 1, minutes)
        await asyncio.sleep(max(0.0, began + minute * 60 - time.monotonic()))
        for run in runs:
            print(f"| {' | '.join(map(str, _row(run, minute)))} |", flush=True)


def _row(run: Run, minute: float) -> list[object]:
    tally, counts, attacks = run.tally, run.tally.counts, run.tally.attacks
    tally.attacks = attacks[-1:]
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(run.server.process.pid)
        family = [process, *process.children(recursive=True)]
        run.memory_mb.append(round(memory_mb(process.pid)))
        return [
            *(f"{minute:g}", run.name, counts["sessions"], counts["segments"]),
            *(round(tally.seconds["video"]), counts["underruns"], counts["still ms"] / 1000),
            *(counts["refused"], sum(tally.errors.values())),
            *(round(process.memory_info().rss / 1e6), run.memory_mb[-1]),
            round(sum(sum(one.cpu_times()[:2]) for one in family)),
            *(process.num_fds(), len(family) - 1, ", ".join(attacks)),
        ]
    return [f"{minute:g}", run.name, "the server is gone"]


if __name__ == "__main__":
    sys.exit(main())
