"""`python -m tools.fuzz`: see the package."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tools.fuzz.run import KINDS, Failure, Plan, fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--only", choices=KINDS, help="only this kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first script")
    parser.add_argument("--scripts", type=int, help="so many scripts, whatever their cases")
    parser.add_argument("--router", action="store_true", help="through a router, not the parsers")
    given = parser.parse_args()
    plan = Plan(
        given.seed, given.cases, given.only, given.first, given.scripts, router=given.router
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            for line in fuzz(plan, Path(folder)):
                print(line, flush=True)
        except Failure as failure:
            print(failure, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
