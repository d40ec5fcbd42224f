"""`python3 -m tools.ci`: every stage, each with its time; `.ci/run` is how to call it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence

from tools.ci import budget
from tools.ci.budget import Budget
from tools.ci.running import Outcome, run
from tools.ci.stages import END, STAGES
from tools.cluster import binaries
from tools.cluster.places import ROOT

LOGS = ROOT / "outputs" / "ci"


def main() -> int:
    os.chdir(ROOT)
    os.environ["CI"] = "true"  # a test that is skipped for want of Chromium is a failure
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that END runs
    cold = not binaries.ALL[0].file.exists()
    limits, unit_s, began = budget.read(budget.FILE, cold), budget.measure_unit(), time.monotonic()
    outcomes: list[Outcome] = []
    try:
        outcomes += run(STAGES, LOGS, say)
    finally:
        outcomes += run([END], LOGS, say)
    say(f"the cache was {'cold' if cold else 'warm'}; {time.monotonic() - began:.0f} s in all")
    return verdict(outcomes, limits, unit_s)


def verdict(outcomes: Sequence[Outcome], limits: Budget, unit_s: float) -> int:
    """Print the table of times. Returns 0 when every stage passed in time."""
    too_slow = limits.too_slow(outcomes, unit_s)
    say(f"{'stage':<14}{'seconds':>8}{'limit':>8}")
    for one in outcomes:
        words = [f"{one.stage:<14}{one.seconds:8.0f}{limits.limit_s(one.stage, unit_s):8.0f}"]
        words += ["skipped"] if one.status is None else []
        words += ["FAILED"] if one.is_failure else []
        words += ["TOO SLOW: see .ci/budget.json"] if one.stage in too_slow else []
        say("  ".join(words))
    return int(bool(too_slow) or any(one.is_failure for one in outcomes))


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
