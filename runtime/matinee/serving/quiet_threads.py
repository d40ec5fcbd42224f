"""Threads that leave the processor to the event loop, which every viewer waits for."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

NICENESS = 10
"""Above the process's own: Linux gives the event loop about nine times such a thread's share."""


def quiet_threads(count: int, name: str) -> ThreadPoolExecutor:
    """They give way to the event loop's: a picture may be late by a millisecond, but every viewer
    waits for the loop. All are started here: whoever starts a thread waits until it runs."""
    threads = ThreadPoolExecutor(count, thread_name_prefix=name, initializer=_give_way)
    all_there = threading.Barrier(count)
    for _ in range(count):
        threads.submit(all_there.wait)
    return threads


def _give_way() -> None:
    thread = threading.get_native_id()
    niceness = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, niceness + NICENESS)
