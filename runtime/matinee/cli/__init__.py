"""The `matinee` command.

Exit codes: 0 done, 1 failed, 2 bad input, 128 + N ended by signal N (130: Ctrl-C, 143: SIGTERM),
141 when nobody reads the output any more. Messages go to stderr, results to stdout. Words such as
`--streaming.pool.num_workers 2` override keys of a configuration file.
"""

from __future__ import annotations

import argparse
import importlib
import io
import itertools
import sys
from collections.abc import Sequence
from importlib.metadata import version

from matinee.cli.stopping import Stopping, closed_pipe
from matinee.errors import BadInput, MatineeError
from matinee_api.config.errors import ConfigError
from matinee_api.plain_text import plain

COMMANDS = ("up", "generate", "stream", "serve", "fetch", "rollout")
"""Each a module of its own, imported when it is called for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: any text, in any locale
    words, overrides = split_overrides(sys.argv[1:] if argv is None else argv)
    parser = _parser(words[:1])
    args = parser.parse_args(words)
    if overrides and not hasattr(args, "config"):
        parser.error(f"unrecognized arguments: {' '.join(overrides)}")
    with Stopping() as stopping:
        try:
            code = int(args.run(args, overrides))
            sys.stdout.flush()
        except (MatineeError, ConfigError) as error:
            return _told(error)
        except KeyboardInterrupt:
            return stopping.exit_code
        except BrokenPipeError:
            return closed_pipe()
    return code


def _told(error: MatineeError | ConfigError) -> int:
    """The exit code of an error that is said on stderr."""
    problems = error.problems if isinstance(error, ConfigError) else [error]
    print("matinee:", "\n".join(plain(str(problem)) for problem in problems), file=sys.stderr)
    return 2 if isinstance(error, BadInput | ConfigError) else 1


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
