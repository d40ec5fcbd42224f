"""The `matinee` command.

Exit codes: 0 done, 1 failed, 2 bad input or a library is missing, 128 + N ended by signal N (130:
Ctrl-C, 143: SIGTERM), 141 when nobody reads the output any more. Messages go to stderr, results to
stdout. Words such as `--streaming.pool.num_workers 2` override keys of a configuration file.
"""

from __future__ import annotations

import argparse
import importlib
import io
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from matinee.cli.stopping import (
    Stopping,
    forget_interrupt,
    open_missing_outputs,
    output_failed,
)
from matinee.errors import BadInput, MatineeError
from matinee.serving.uncollected import uncollected
from matinee_api.config.errors import ConfigError
from matinee_api.extras import Extra, remedy
from matinee_api.plain_text import plain


@dataclass(frozen=True, slots=True)
class Command:
    """`extra`: of the wheel, with all that the command imports."""

    help: str
    extra: Extra


COMMANDS = {
    "up": Command("run resources on this machine, with a player", "runtime"),
    "generate": Command("write one video into a file", "runtime"),
    "stream": Command("record a stream from a running server", "router"),
    "enhance": Command("say a prompt in words that the bundled model knows", "router"),
    "serve": Command("run a server from a configuration file", "runtime"),
    "router-serve": Command("run a router in front of several servers", "router"),
    "sessions": Command("list the sessions of a router, and its servers", "router"),
    "jobs": Command("list, watch and cancel the videos that a server makes", "router"),
    "drain": Command("let the sessions of a server end or move to others", "router"),
    "mock": Command("run a server without a model, for people who write clients", "router"),
    "families": Command("list the engine families, and what each can do", "router"),
    "fetch": Command("fetch a model's weights into folders", "runtime"),
    "rollout": Command("list a service's revisions on a cluster, and go back to one", "router"),
    "completion": Command("print what lets a shell complete these commands", "router"),
}
"""Each a module of its own, imported when it is called for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    open_missing_outputs()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: any text, in any locale
    words = list(sys.argv[1:] if argv is None else argv)
    with Stopping() as stopping:
        try:
            code = _run(words)
            sys.stdout.flush()
        except (MatineeError, ConfigError) as error:
            return _told(error)
        except ModuleNotFoundError as error:
            return _not_installed(error, words)
        except KeyboardInterrupt:
            forget_interrupt()
            return stopping.exit_code
        except OSError as error:
            return output_failed(error)
    return code


def _run(argv: Sequence[str]) -> int:
    words, overrides = split_overrides(argv)
    parser = _parser([word for word in words if word in COMMANDS][:1])
    try:
        args = parser.parse_args(words)
    finally:
        sys.stdout.flush()  # `--help` ends here
    if overrides and not hasattr(args, "config"):
        parser.error(f"unrecognized arguments: {' '.join(overrides)}")
    return int(args.run(args, overrides))


def _told(error: MatineeError | ConfigError) -> int:
    """The exit code of an error that is said on stderr."""
    problems = error.problems if isinstance(error, ConfigError) else [error]
    print("matinee:", "\n".join(plain(str(problem)) for problem in problems), file=sys.stderr)
    return 2 if isinstance(error, BadInput | ConfigError) else 1


def _not_installed(error: ModuleNotFoundError, words: Sequence[str]) -> int:
    """The exit code of a command that lacks a library."""
    name = next((word for word in words if word in COMMANDS), None)
    if name is None or error.name is None:
        raise error
    print("matinee:", remedy(error, f"matinee {name}", COMMANDS[name].extra), file=sys.stderr)
    return 2


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


def module_of(command: str) -> str:
    return f"matinee.cli.{command.replace('-', '_')}"


def _parser(command: list[str]) -> argparse.ArgumentParser:
    """That knows the arguments of this command, and of the others only that they exist: a library
    that one of them lacks is no affair of this one."""
    parser = argparse.ArgumentParser(
        prog="matinee", description="A video diffusion model as a live service."
    )
    parser.add_argument("--version", action="version", version=f"matinee {version('matinee')}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, about in COMMANDS.items():
        if name in command:
            with uncollected():
                module = importlib.import_module(module_of(name))
            module.add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=about.help)
    return parser
