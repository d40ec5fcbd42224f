from __future__ import annotations

import os
import threading

from matinee.serving.quiet_threads import NICENESS, quiet_threads


def test_threads_are_there_before_their_work() -> None:
    with quiet_threads(3, "early"):
        assert sum(thread.name.startswith("early") for thread in threading.enumerate()) == 3


def test_they_give_way_to_the_event_loop() -> None:
    with quiet_threads(1, "quiet") as threads:
        niceness = threads.submit(lambda: os.getpriority(os.PRIO_PROCESS, 0)).result()
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
