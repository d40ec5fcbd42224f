"""What a signal means to our programs.

Those of `ENDING` ask for an orderly end, whichever it is: what is open is told, what is half
written goes, and the exit code is 128 and the signal's number. A second one waits for nothing more.
One that was ignored when the program began stays ignored (`nohup`, background jobs of a shell).
Those of `MEANINGLESS` would end a program at once; they get one line in the log instead. SIGPIPE is
ignored by Python: a closed pipe is an error of the write.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
MEANINGLESS = (signal.SIGUSR1, signal.SIGUSR2)
SIGNALS = (*ENDING, *MEANINGLESS)


def heeded() -> list[signal.Signals]:
    """Those of `ENDING` that were not ignored when the program began."""
    return [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]


def end_at_once() -> None:
    """From now on such a signal ends the program, with its exit code and no traceback: for one that
    has nothing open, because it imports what it is made of, or has done its work.

    Must be called in the main thread. The first process of a container would ignore a signal that
    has no handler.
    """
    for number in heeded():
        signal.signal(number, _end)


def exit_code(number: int) -> int:
    """As shells tell of a program that a signal ended."""
    return 128 + number


def ignore_meaningless() -> None:
    """Must be called in the main thread."""
    for number in MEANINGLESS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _tell_once)


def leave_to_parent() -> None:
    """In a child process: signals reach a terminal's or a service's whole group, and the parent
    decides. It ends its children by SIGKILL."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(exit_code(number))


def _tell_once(number: int, _frame: FrameType | None) -> None:
    import logging  # which takes longer than the rest of this module

    signal.signal(number, signal.SIG_IGN)
    logging.getLogger(__name__).warning(
        "%s means nothing here and is ignored", signal.Signals(number).name
    )
