"""Viewers for minutes or hours, with or without attackers beside them. By hand:

    python -m tools.soak --minutes 120                  three viewers and one attacker at a time
    python -m tools.soak --minutes 120 --attackers 0    for comparison
    python -m tools.soak --minutes 120 --paced          the same over a model that computes nothing

A line each minute: sessions and segments so far, seconds of video, underruns (a player that starts
with half a second of video would have stood still), how long these took together, errors, and the
memory, descriptors and children of the server. It ends by itself, stops its server, and fails when
the server has logged a mistake of its own or does not end well. Viewers and attacks are drawn from
the seed. Of the bundled model on two cores three viewers ask more than it can make in time, so that
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
    *("minute", "sessions", "segments", "video s", "underruns", "still s", "refused", "errors"),
    *("server MB", "all MB", "files", "children", "attacks"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.soak")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--viewers", type=int, default=3)
    parser.add_argument("--attackers", type=int, default=1, help="attacks at a time; 0: none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resources", type=Path, default=ROOT / "examples" / "quickstart.yaml")
    parser.add_argument("--paced", action="store_true", help="a model that computes nothing")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = ("--state-dir", f"{folder}/state")
        command = PACED if given.paced else matinee_up(given.resources, *state)
        with running(command, Path(folder) / "log") as server:
            tally = asyncio.run(soak(server, given))
            found = mistakes(Target(server, server))
            code = server.stop()
    for line in (
        *found[:20],
        *(f"{number} times: {what}" for what, number in tally.errors.items()),
    ):
        print(line)
    print(f"the server ended with {code}; {len(found)} mistakes in its log")
    return 1 if found or code not in (0, TOLD_TO_END) else 0


async def soak(server: Server, given: argparse.Namespace) -> Tally:
    tally = Tally()
    seeds = [f"{given.seed}/{number}" for number in range(given.viewers + given.attackers)]
    async with asyncio.TaskGroup() as all_of_it:
        at_work = [
            all_of_it.create_task(
                viewer(server.url, Random(seed), tally)  # noqa: S311 (no secret)
                if number < given.viewers
                else attackers(server.port, Random(seed), tally)  # noqa: S311 (no secret)
            )
            for number, seed in enumerate(seeds)
        ]
        await _report_each_minute(server, tally, given.minutes)
        for task in at_work:
            task.cancel()
    return tally


async def _report_each_minute(server: Server, tally: Tally, minutes: float) -> None:
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{'---:|' * len(COLUMNS)}", flush=True)
    began = time.monotonic()
    minute = 0.0
    while minute < minutes and server.process.poll() is None:
        minute = min(minute + 1, minutes)
        await asyncio.sleep(max(0.0, began + minute * 60 - time.monotonic()))
        print(f"| {' | '.join(map(str, _row(server, tally, minute)))} |", flush=True)


def _row(server: Server, tally: Tally, minute: float) -> list[object]:
    counts, attacks = tally.counts, tally.attacks
    tally.attacks = attacks[-1:]
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(server.process.pid)
        return [
            *(f"{minute:g}", counts["sessions"], counts["segments"]),
            *(round(tally.seconds["video"]), counts["underruns"], counts["still ms"] / 1000),
            *(counts["refused"], sum(tally.errors.values())),
            *(round(process.memory_info().rss / 1e6), round(memory_mb(process.pid))),
            *(process.num_fds(), len(process.children(recursive=True)), ", ".join(attacks)),
        ]
    return [f"{minute:g}", "the server is gone"]


if __name__ == "__main__":
    sys.exit(main())
