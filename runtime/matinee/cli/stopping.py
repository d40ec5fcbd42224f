"""Every signal that ends a program takes Ctrl-C's way, and stdout may be closed or full at any
time."""

from __future__ import annotations

import errno
import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Self, TextIO

from matinee_api.signals import exit_code, heeded, ignore_meaningless


class Stopping:
    """Inside, an ending signal is what Ctrl-C is there: a `KeyboardInterrupt`, or what asyncio or a
    server makes of it. So what is half written is kept or removed. `exit_code`: of the first one.

    The first process of a container would ignore a signal that has no handler.
    """

    def __init__(self) -> None:
        self._first: int = signal.SIGINT

    @property
    def exit_code(self) -> int:
        return exit_code(self._first)

    def __enter__(self) -> Self:
        ignore_meaningless()
        self._before = {
            number: signal.signal(
                number,  # asyncio replaces Python's own handler only
                signal.default_int_handler if number == signal.SIGINT else self._as_ctrl_c,
            )
            for number in heeded()
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _as_ctrl_c(self, number: int, frame: FrameType | None) -> None:
        if self._first == signal.SIGINT:
            self._first = number
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):
            handler = signal.default_int_handler
        handler(number, frame)


def forget_interrupt() -> None:
    """Python ends by SIGINT, whatever the exit code, when the last text that `exec` ran was left by
    a KeyboardInterrupt: modules of dataclasses and models are full of such text."""
    exec("")  # noqa: S102 (nothing)


def open_missing_outputs() -> None:
    """Who starts a command with its output closed (`>&-`) wants none of it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (stays open)


def output_failed(error: OSError) -> int:
    """The exit code when no more can be written: nobody reads it, or the disk is full. Any other
    error is raised again."""
    failed = [stream for stream in (sys.stdout, sys.stderr) if not _flushed(stream)]
    if isinstance(error, BrokenPipeError):
        return exit_code(signal.SIGPIPE)
    if not failed and error.errno != errno.ENOSPC:  # not buffered, it fails only once
        raise error
    print(f"matinee: the output cannot be written: {error.strerror}", file=sys.stderr)
    return 1


def _flushed(stream: TextIO) -> bool:
    """If not, what waits in it goes nowhere: Python's own flush at the end would be an error of its
    own."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True
