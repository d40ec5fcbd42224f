"""Short turns on the processor for the thread that every viewer waits for.

Who asks Linux for shorter turns than others gets them sooner: a thread that wakes up takes the
processor from one whose turn lasts longer (EEVDF; see sched_setattr(2) and `sched_runtime`). A
server's loop runs for a tenth of a millisecond at a time, but would wait for the 3 ms of those that
compute beside it.
"""

from __future__ import annotations

import ctypes
import os
import platform

TURN_NS = 100_000
"""The least that Linux takes."""
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # <asm/unistd.h>
_SCHED_OTHER = 0
_RESET_ON_FORK = 1


class SchedulingAttributes(ctypes.Structure):
    """`sched_attr` of <linux/sched/types.h>, without what came after its first version."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime_ns", ctypes.c_uint64),
        ("deadline_ns", ctypes.c_uint64),
        ("period_ns", ctypes.c_uint64),
    )


def take_short_turns() -> None:
    """For the calling thread, and not for those that it starts. Where the system has no such
    thing (Linux before 6.12) or does not permit it, all stays as it is."""
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or not hasattr(os, "sched_getscheduler"):
        return
    this_thread = 0
    if os.sched_getscheduler(this_thread) != os.SCHED_OTHER:  # somebody chose another for us
        return
    wanted = SchedulingAttributes(
        size=ctypes.sizeof(SchedulingAttributes),
        policy=_SCHED_OTHER,
        flags=_RESET_ON_FORK,
        nice=os.getpriority(os.PRIO_PROCESS, this_thread),
        runtime_ns=TURN_NS,
    )
    ctypes.CDLL(None).syscall(number, this_thread, ctypes.byref(wanted), 0)
