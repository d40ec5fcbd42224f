from __future__ import annotations

import ctypes
import platform
import threading
from collections.abc import Callable

import pytest

from matinee.serving.short_turns import TURN_NS, SchedulingAttributes, take_short_turns

SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}


def turn_ns() -> int:
    """Of the calling thread; 0 where Linux does not tell."""
    attributes = SchedulingAttributes()
    size = ctypes.sizeof(attributes)
    number = SCHED_GETATTR.get(platform.machine())
    if number is None or ctypes.CDLL(None).syscall(number, 0, ctypes.byref(attributes), size, 0):
        return 0
    return int(attributes.runtime_ns)


def in_a_thread(work: Callable[[list[int]], None]) -> list[int]:
    told: list[int] = []
    thread = threading.Thread(target=work, args=(told,))
    thread.start()
    thread.join()
    return told


def test_a_thread_takes_short_turns_and_those_that_it_starts_do_not() -> None:
    def one(told: list[int]) -> None:
        told.append(turn_ns())
        take_short_turns()
        told.append(turn_ns())
        told.extend(in_a_thread(lambda inner: inner.append(turn_ns())))

    usual, short, child = in_a_thread(one)
    if not usual:
        pytest.skip("this Linux lets nobody choose the length of a turn")
    assert (short, child) == (TURN_NS, usual)
    assert short < usual
