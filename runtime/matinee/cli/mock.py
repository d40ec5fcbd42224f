"""`matinee mock`: the real server and protocol over a test pattern, for people who write clients.

Colour bars with a moving bar, a timecode and the prompt come at the pace of a model, without torch
and without weights. What --faults names befalls every other segment: late: its first step comes
late; stall: in its middle nothing comes for a while; error: it fails in its middle, and the session
goes on; close: in its middle the session ends, with an error and close code 1011.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable

from matinee.cli.listen_flags import add_listen_flags
from matinee.cli.serve import serve_on
from matinee.errors import BadInput
from matinee.generation import check_request, with_defaults
from matinee.mock.settings import (
    BACKEND,
    LONGEST_FAULT_S,
    LONGEST_STEP_MS,
    MOST_PIXELS,
    Fault,
    MockSettings,
)
from matinee_api.config.load import load_text
from matinee_api.config.runtime_config import ServeConfig
from matinee_api.limits import MAX_DIMENSION, MAX_FPS, MIN_DIMENSION

USUAL = MockSettings()
SESSIONS = 4
MOST_WORK = 2**60
"""A picture costs next to nothing here, whatever its size."""
FLAGS = {"width": "--size", "height": "--size"}
"""Each field that the server may refuse, and the flag that it came from."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "mock",
        description=__doc__,
        epilog="Any key of the server's configuration can be set: --streaming.max_sessions 1",
    )
    add_listen_flags(parser)
    _add_picture_flags(parser)
    _add_fault_flags(parser)
    parser.set_defaults(run=run, config=None)


def _add_picture_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--size",
        type=_size,
        default=(USUAL.width, USUAL.height),
        metavar="WxH",
        help=f"pixels, where a session asks for no others ({USUAL.width}x{USUAL.height})",
    )
    add(
        "--fps",
        type=_number(int, 1, MAX_FPS),
        default=USUAL.fps,
        metavar="N",
        help=f"frames a second, 1 to {MAX_FPS} ({USUAL.fps})",
    )
    add(
        "--step-ms",
        type=_number(float, 0, LONGEST_STEP_MS),
        default=USUAL.step_ms,
        metavar="X",
        help=f"length of a denoising step, 0 to {LONGEST_STEP_MS} ({USUAL.step_ms:g})",
    )
    add("--sound", action="store_true", help="make a tone too")


def _add_fault_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--faults",
        type=_faults,
        default=(),
        metavar="LIST",
        help=f"what goes wrong, in turn: words of {','.join(Fault)}",
    )
    add(
        "--fault-seconds",
        type=_number(float, 0, LONGEST_FAULT_S),
        default=USUAL.fault_seconds,
        metavar="X",
        help=f"length of late and stall, 0 to {LONGEST_FAULT_S} ({USUAL.fault_seconds:g})",
    )


def run(args: argparse.Namespace, overrides: list[str]) -> int:
    width, height = args.size
    settings = MockSettings(
        width=width,
        height=height,
        fps=args.fps,
        step_ms=args.step_ms,
        sound=args.sound,
        faults=args.faults,
        fault_seconds=args.fault_seconds,
    )
    config = _config(settings, args.host, args.port, overrides)
    info = settings.info()
    try:
        check_request(info, with_defaults(info.defaults, "any", seed=0))
        return serve_on(BACKEND, config)
    except BadInput as error:
        raise error.renamed(FLAGS) from error


def _config(settings: MockSettings, host: str, port: int, overrides: list[str]) -> ServeConfig:
    """The product's own defaults, but several viewers at once, of any size, and no warm-up."""
    config = {
        "generator": settings.generator().model_dump(),
        "server": {"host": host, "port": port},
        "streaming": {
            "max_sessions": SESSIONS,
            "warmup": {"enabled": False},
            "limits": {"max_pixels": MOST_PIXELS, "max_work": MOST_WORK},
        },
    }
    return load_text(ServeConfig, json.dumps(config), overrides=overrides)


def _size(word: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", word)
    sides = [int(side) for side in found.groups()] if found else []
    if not sides or not all(MIN_DIMENSION <= side <= MAX_DIMENSION for side in sides):
        raise argparse.ArgumentTypeError(
            f"{word!r} is no size; write 832x480, each side {MIN_DIMENSION} to {MAX_DIMENSION}"
        )
    return sides[0], sides[1]


def _faults(word: str) -> tuple[Fault, ...]:
    try:
        return tuple(Fault(name) for name in word.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{word!r} is no list of faults; choose from {', '.join(Fault)}"
        ) from None


def _number(kind: type[int | float], low: float, high: float) -> Callable[[str], float]:
    def read(word: str) -> float:
        try:
            number = kind(word)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{word!r} is not a number from {low} to {high}")
        return number

    return read
