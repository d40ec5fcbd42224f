"""How late an event loop comes to what is due, to some microseconds.

The loop's own timers cannot tell: those of uvloop count whole milliseconds, and one that is due
shortly after something else happened is up to a millisecond late however idle the loop is. Linux's
timerfd_create(2) makes a descriptor readable at its time, as a viewer's message would a socket.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import time
from collections.abc import Coroutine
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_TFD_TIMER_ABSTIME = 1  # <sys/timerfd.h>


class _TimeSpec(ctypes.Structure):
    _fields_ = (("s", ctypes.c_long), ("ns", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


async def lags_ms(
    during: Coroutine[Any, Any, None], interval_s: float
) -> list[tuple[float, float]]:
    """Of each time that the timer is due: how late the loop came to it, and the CPU time that its
    thread had spent since the one before, ms. The second depends on nothing else that the machine
    does."""
    loop = asyncio.get_running_loop()
    lags: list[tuple[float, float]] = []
    spent_s = time.thread_time()
    due_s = time.monotonic() + interval_s
    timer = _timer(due_s, interval_s)

    def tick() -> None:
        nonlocal due_s, spent_s
        (times,) = struct.unpack("Q", os.read(timer, 8))
        now_s, before_s, spent_s = time.monotonic(), spent_s, time.thread_time()
        for _ in range(times):
            lags.append(((now_s - due_s) * 1000, (spent_s - before_s) * 1000))
            due_s += interval_s

    loop.add_reader(timer, tick)
    try:
        await during
    finally:
        loop.remove_reader(timer)
        os.close(timer)
    return lags


def _timer(first_s: float, interval_s: float) -> int:
    descriptor = int(_LIBC.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    when = _TimerSpec(_time_spec(interval_s), _time_spec(first_s))
    if descriptor < 0 or _LIBC.timerfd_settime(
        descriptor, _TFD_TIMER_ABSTIME, ctypes.byref(when), None
    ):
        raise OSError(ctypes.get_errno(), "timerfd")
    return descriptor


def _time_spec(seconds: float) -> _TimeSpec:
    return _TimeSpec(*divmod(round(seconds * 1e9), 10**9))
