"""The `matinee` command.

Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted (Ctrl-C, SIGTERM). Messages go to stderr,
results to stdout. Words such as `--streaming.pool.num_workers 2` override keys of a configuration
file.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

from matinee.errors import BadInput, MatineeError
from matinee_api.config.errors import ConfigError
from matinee_api.plain_text import plain

COMMANDS = ("up", "generate", "stream", "serve", "fetch")
"""Each a module of its own, imported when it is called for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words, overrides = split_overrides(sys.argv[1:] if argv is None else argv)
    parser = _parser(words[:1])
    args = parser.parse_args(words)
    if overrides and not hasattr(args, "config"):
        parser.error(f"unrecognized arguments: {' '.join(overrides)}")
    try:
        with _sigterm_as_ctrl_c():
            return int(args.run(args, overrides))
    except ConfigError as error:
        lines = "\n".join(plain(str(problem)) for problem in error.problems)
        print(f"matinee: {lines}", file=sys.stderr)
        return 2
    except BadInput as error:
        print(f"matinee: {plain(str(error))}", file=sys.stderr)
        return 2
    except MatineeError as error:
        print(f"matinee: {plain(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """So that what is half written is kept or removed as after Ctrl-C. Servers end in ways of their
    own once they run; before that, the first process of a container would ignore the signal."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def split_overrides(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take `--dotted.key VALUE` and `--dotted.key=VALUE` out of the words of a command line.

    argparse would take such a VALUE for a positional argument.
    """
    words: list[str] = []
    overrides: list[str] = []
    rest = iter(argv)
    for word in rest:
        key, has_value, _ = word.partition("=")
        if not (key.startswith("--") and "." in key):
            words.append(word)
            continue
        overrides.append(word)
        if not has_value:
            overrides.extend(itertools.islice(rest, 1))
    return words, overrides


def _parser(command: list[str]) -> argparse.ArgumentParser:
    """For this command, or for all of them when it is none."""
    parser = argparse.ArgumentParser(
        prog="matinee", description="A video diffusion model as a live service."
    )
    parser.add_argument("--version", action="version", version=f"matinee {version('matinee')}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in command if set(command) & set(COMMANDS) else COMMANDS:
        importlib.import_module(f"matinee.cli.{name}").add_parser(subparsers)
    return parser
