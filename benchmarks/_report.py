"""What every benchmark shares: fair repetition, and one line of JSON with the machine in it.

    ours, peer = medians(9, measure_ours, measure_peer)
    report(name="…", unit="ms", ours=ours, peer=peer, target=0.05, conditions={"frames": 24})

With a peer, `target` bounds the ratio ours / peer; without one it bounds `ours` itself.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path


def medians(repetitions: int, *measures: Callable[[], float]) -> list[float]:
    """Median of each measure. They take turns, so that a busy moment of the machine hits all, and
    each second turn goes backwards, so that none is always the first to find warm caches. One turn
    before the first is not counted."""
    results: list[list[float]] = [[] for _ in measures]
    order = list(zip(measures, results, strict=True))
    for _ in range(repetitions + 1):
        for measure, taken in order:
            taken.append(measure())
        order.reverse()
    return [statistics.median(taken[1:]) for taken in results]


def report(
    *,
    name: str,
    unit: str,
    ours: float,
    target: float,
    peer: float | None = None,
    conditions: Mapping[str, object],
) -> None:
    """Print the line. `conditions`: what the reader must know besides the machine, e.g. versions
    (`package_versions`), sizes, repetitions. `holds`: the target is met."""
    ratio = None if peer is None else ours / peer
    line = {
        "name": name,
        "unit": unit,
        "ours": _rounded(ours),
        "peer": _rounded(peer),
        "ratio": _rounded(ratio),
        "target": target,
        "holds": (ours if ratio is None else ratio) <= target,
        "conditions": {**_machine(), **conditions},
    }
    print(json.dumps(line))


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


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
