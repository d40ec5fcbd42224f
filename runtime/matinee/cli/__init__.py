"""The `matinee` command.

Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted. Messages go to stderr, results to
stdout. Words such as `--streaming.pool.num_workers 2` override keys of a configuration file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from matinee.cli import generate, serve, stream, up
from matinee.errors import BadInput, MatineeError
from matinee_api.errors import ConfigError

COMMANDS = (up, generate, stream, serve)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    try:
        return int(args.run(args, _overrides(parser, args, rest)))
    except (BadInput, ConfigError) as error:
        print(f"matinee: {error}", file=sys.stderr)
        return 2
    except MatineeError as error:
        print(f"matinee: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="matinee", description="A video diffusion model as a live service."
    )
    parser.add_argument("--version", action="version", version=f"matinee {version('matinee')}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def _overrides(
    parser: argparse.ArgumentParser, args: argparse.Namespace, rest: list[str]
) -> list[str]:
    """Unknown words are overrides where a command reads a configuration file, and else mistakes."""
    dotted = bool(rest) and rest[0].startswith("--") and "." in rest[0]
    if rest and not (dotted and hasattr(args, "config")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return rest
