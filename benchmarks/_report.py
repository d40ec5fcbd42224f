"""What every benchmark shares: fair repetition, and one line of JSON with the machine in it.

    ours, peer = take_turns(9, measure_ours, measure_peer)
    report(name="…", unit="ms", ours=ours, peer=peer, target=0.05, conditions={"frames": 24})

The peer is another system's way to do the same, or a floor: the least that any way must spend.
With one, `target` bounds the ratio ours / peer; without, it bounds `ours` itself.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured in each turn. It is told as its median and its range."""

    turns: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.turns)

    def over(self, other: Figure) -> Figure:
        """The ratio within each turn: whatever slows a turn of the machine slows both.

        Raises:
            ValueError: they have not had the same number of turns.
        """
        pairs = zip(self.turns, other.turns, strict=True)
        return Figure(tuple(ours / theirs for ours, theirs in pairs))


def take_turns(repetitions: int, *measures: Callable[[], float]) -> list[Figure]:
    """A figure of each measure. They take turns, so that a busy moment of the machine hits all, and
    each second turn goes backwards, so that none is always the first to find warm caches. One turn
    before the first is not counted."""
    results: list[list[float]] = [[] for _ in measures]
    order = list(zip(measures, results, strict=True))
    for _ in range(repetitions + 1):
        for measure, taken in order:
            taken.append(measure())
        order.reverse()
    return [Figure(tuple(taken[1:])) for taken in results]


def report(
    *,
    name: str,
    unit: str,
    ours: Figure | float,
    target: float,
    peer: Figure | None = None,
    conditions: Mapping[str, object],
) -> None:
    """Print the line. `conditions`: what the reader must know besides the machine, e.g. versions
    (`package_versions`), sizes. `holds`: the median of the turns meets the target; `turns_held`:
    so many of them do."""
    ours = ours if isinstance(ours, Figure) else Figure((ours,))
    ratio = None if peer is None else ours.over(peer)
    judged = ours if ratio is None else ratio
    line = {
        "name": name,
        "unit": unit,
        "ours": _rounded(ours.median),
        "peer": None if peer is None else _rounded(peer.median),
        "ratio": None if ratio is None else _rounded(ratio.median),
        "range": [_rounded(min(judged.turns)), _rounded(max(judged.turns))],
        "target": target,
        "holds": judged.median <= target,
        "turns": len(judged.turns),
        "turns_held": sum(turn <= target for turn in judged.turns),
        "conditions": {**_machine(), **conditions},
    }
    print(json.dumps(line))


def chance_of_so_few(held: int, turns: int) -> float:
    """How likely it is that at most `held` of the turns meet a target that half of them meet in the
    long run (sign test): when this is small, falling short of it was not noise."""
    ways = sum(math.comb(turns, number) for number in range(held + 1))
    return float(ways / 2**turns)


def cpu_s(pid: int) -> float:
    """CPU time of all threads of a process, from the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def package_versions(*packages: str) -> dict[str, str]:
    return {package: version(package) for package in packages}


def _machine() -> dict[str, object]:
    """No host name and no paths: results are published."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
