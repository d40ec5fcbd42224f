"""`matinee drain URL`: let a server take no new session, and let those that it has end or move.

A router in front of it moves them to other servers that share its store, each between two segments;
others play on until the deadline. With `--wait` the command returns when none is left, and the
server can be stopped.
"""

from __future__ import annotations

import argparse

from matinee.cli.control import ask, control_epilog, until
from matinee.errors import BadInput
from matinee_api.contracts.pod_http import (
    DRAIN_PATH,
    LONGEST_DRAIN_S,
    SLOTS_PATH,
    DrainOrder,
)

DEADLINE_S = DrainOrder().deadline_seconds


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "drain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=control_epilog("the server"),
    )
    parser.add_argument("url", metavar="URL", help="of the server, or of its control port")
    parser.add_argument(
        "--deadline", type=float, default=DEADLINE_S, metavar="SECONDS",
        help="sessions that still run then are ended (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--wait", action="store_true", help="return when no session is left")
    parser.add_argument("--cancel", action="store_true", help="take new sessions again")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, _overrides: list[str]) -> int:
    if args.cancel:
        ask(args.url, DRAIN_PATH, method="DELETE")
        print("it takes new sessions")
        return 0
    order = _order(args.deadline)
    left = ask(args.url, DRAIN_PATH, method="POST", body=order)["sessions"]
    print(f"it drains; sessions: {left}", flush=True)
    if args.wait:
        until(args.url, SLOTS_PATH, lambda slots: slots["used"] == 0)
        print("no session is left")
    return 0


def _order(deadline_s: float) -> dict[str, float]:
    """Raises `BadInput`."""
    if not 0 <= deadline_s <= LONGEST_DRAIN_S:
        raise BadInput("--deadline", f"must be 0 to {LONGEST_DRAIN_S} seconds, not {deadline_s:g}")
    return {"deadline_seconds": deadline_s}
