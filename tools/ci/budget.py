"""What each stage may take: half as long again as `.ci/budget.json` says.

Other machines are slower. A small computation is timed, and the budget grows by as much as it takes
longer here than where the budget was measured.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.ci.running import Outcome

TOO_LONG = 1.5
ATTEMPTS = 5
FILE = Path(__file__).parents[2] / ".ci" / "budget.json"


@dataclass(frozen=True)
class Budget:
    """`seconds`: of each stage, already chosen for a cold or a warm cache. `unit_s`: what
    `measure_unit` took on the machine that it was measured on."""

    seconds: dict[str, float]
    unit_s: float

    def slowness(self, unit_s: float) -> float:
        """How many times slower a machine is on which the unit takes so long, at least 1."""
        return max(1.0, unit_s / self.unit_s)

    def limit_s(self, stage: str, unit_s: float) -> float:
        """What a stage may take there."""
        return TOO_LONG * self.seconds[stage] * self.slowness(unit_s)

    def too_slow(self, outcomes: Sequence[Outcome], unit_s: float) -> list[str]:
        """Names of stages."""
        ran = [outcome for outcome in outcomes if outcome.status is not None]
        return [o.stage for o in ran if o.seconds > self.limit_s(o.stage, unit_s)]


def read(file: Path, cold: bool) -> Budget:
    """`cold`: nothing that is expensive to build is in the cache."""
    stored: dict[str, Any] = json.loads(file.read_text())
    which = "cold" if cold else "warm"
    seconds = {name: took[which] for name, took in stored["stages"].items()}
    return Budget(seconds, stored["unit_seconds"])


def slowness() -> float:
    """How many times slower this machine is now than the one that the budget was measured on."""
    return read(FILE, cold=False).slowness(measure_unit())


def measure_unit() -> float:
    """Seconds that a small computation takes, the best of some: neighbours only make it slower."""
    return min(_unit() for _ in range(ATTEMPTS))


def _unit() -> float:
    began = time.perf_counter()
    text = "".join(str(number * number) for number in range(200_000))
    for _ in range(20):
        hashlib.sha256(text.encode()).digest()
    return time.perf_counter() - began
