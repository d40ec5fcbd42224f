"""`matinee sessions [URL]`: the sessions of a router, and the servers behind it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from matinee.cli.control import ask, control_epilog
from matinee_api.plain_text import plain


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "sessions", description=__doc__, epilog=control_epilog("the router")
    )
    parser.add_argument(
        "url", nargs="?", default="http://127.0.0.1:9000", metavar="URL",
        help="of the router (%(default)s)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, _overrides: list[str]) -> int:
    backends = ask(args.url, "/v1/backends")["backends"]
    sessions = ask(args.url, "/v1/sessions")["sessions"]
    for line in [*table(SERVER, map(_server, backends)), "", *table(SESSION, map(_row, sessions))]:
        print(plain(line))
    return 0


SERVER = ("SERVER", "STATUS", "NEW", "SESSIONS", "FREE", "URL")
SESSION = ("SESSION", "STATE", "SERVER", "OWNER", "SECONDS")


def _server(one: dict[str, Any]) -> list[str]:
    drains = bool(one["slots"] and one["slots"]["draining"])
    status = "draining" if drains else one["status"]
    free = "?" if one["free"] is None else one["free"]
    new = "yes" if one["takes_new"] else "no"
    return [one["name"], status, new, str(one["sessions"]), str(free), one["url"]]


def _row(one: dict[str, Any]) -> list[str]:
    return [
        one["session_id"] or "-",
        one["state"],
        one["backend"] or "-",
        one["owner"],
        f"{one['seconds']:.0f}",
    ]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with columns as wide as what stands in them."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = (
        [word.ljust(width) for word, width in zip(line, widths, strict=True)] for line in lines
    )
    return ["  ".join(words).rstrip() for words in padded]
