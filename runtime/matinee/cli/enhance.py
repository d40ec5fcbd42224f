"""`matinee enhance TEXT`: free words as the bundled model knows them, on stdout.

It says on stderr what it changed, and leaves alone what it cannot map. A server does the same for
clients who switch enhancement on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from matinee.cli.request_flags import text
from matinee.prompt import TinyWriter
from matinee.wire.client_messages import MOST_REWRITES
from matinee_api.plain_text import plain


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("enhance", description=__doc__)
    add = parser.add_argument
    add("text", type=text, metavar="TEXT", help="what to show, in your own words")
    add(
        "--rewrite",
        type=int,
        choices=range(1, MOST_REWRITES + 1),
        metavar="N",
        help=f"print so many other prompts instead, 1 to {MOST_REWRITES}",
    )
    add("--json", action="store_true", help="print what was written as JSON on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, _overrides: list[str]) -> int:
    if args.rewrite is not None:
        texts = asyncio.run(TinyWriter().rewrite(args.text, args.rewrite))
        _print(texts, {"alternatives": texts}, as_json=args.json)
        return 0
    written = asyncio.run(TinyWriter().enhance(args.text))
    for note in written.notes:
        print(f"note: {plain(note)}", file=sys.stderr)
    _print([written.text], {"prompt": written.text, "notes": written.notes}, as_json=args.json)
    return 0


def _print(lines: list[str] | tuple[str, ...], facts: dict[str, object], *, as_json: bool) -> None:
    for line in [json.dumps(facts)] if as_json else map(plain, lines):
        print(line)
