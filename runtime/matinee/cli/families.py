"""`matinee families`: the engine families, and what each can do."""

from __future__ import annotations

import argparse
import dataclasses
import json

from matinee.cli.sessions import table
from matinee_api.families import FAMILIES, Family

HEAD = ("FAMILY", "MODELS", "MAKES", "CAN BE ASKED FOR", "SIZES")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("families", description=__doc__)
    parser.add_argument("--json", action="store_true", help="a list of objects, for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, _overrides: list[str]) -> int:
    if args.json:
        print(json.dumps([dataclasses.asdict(family) for family in FAMILIES], indent=2))
        return 0
    for line in table(HEAD, map(_row, FAMILIES)):
        print(line)
    return 0


def _row(family: Family) -> list[str]:
    return [
        family.name,
        family.title,
        ", ".join(family.streams),
        ", ".join(family.capabilities),
        f"multiples of {family.size_factor}",
    ]
