"""When a worker has failed, and how long to wait before the next one. Pure: time is passed in."""

from __future__ import annotations

import signal
from collections import deque
from enum import Enum

from matinee_api.backoff import backoff

RESTART_WINDOW_S = 600.0
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
LONGEST_START_BACKOFF_S = 5.0
"""Between starts that the system had no room for. Nothing was loaded, so trying costs little."""
FAILED_RETRY_S = 300.0
"""A worker that has failed is retried: GPUs and disks come back."""

_CRASHES = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP"})


def was_killed(exit_code: int | None) -> bool:
    """By a signal from outside, and not for what it did itself."""
    return exit_code is not None and exit_code < 0 and _name(exit_code) not in _CRASHES


def exit_reason(exit_code: int | None) -> str:
    """`exit_code`: as `multiprocessing` tells it, minus the signal's number for a signal."""
    if exit_code is None:
        return "the worker process could not be started"
    if exit_code < 0:
        return f"the worker process was killed by {_name(exit_code)}"
    return f"the worker process ended by itself with exit code {exit_code}"


def _name(exit_code: int) -> str:
    try:
        return signal.Signals(-exit_code).name
    except ValueError:  # a real-time signal
        return f"signal {-exit_code}"


class Ended(Enum):
    """How a process came to its end."""

    LOST = "it died or hung: another one may fare better"
    AT_WORK = "it died or hung while it made a segment: that may be the segment's fault"
    UNUSABLE = "another one would fail in the same way"
    NOT_STARTED = "the system had no process, thread, pipe or memory for it"


class RestartPolicy:
    """At most `max_restarts` within ten minutes: the first at once, then 0.5 s, 1 s, 2 s, ... Those
    after a death at work wait as long, but do not count: the worker had made the warm-up's video,
    and nobody's requests may take it from the others. A process that could not be started says
    nothing about the worker and does not count: that is tried until the system has room again."""

    def __init__(self, max_restarts: int) -> None:
        self._max_restarts = max_restarts
        self._times: deque[tuple[float, Ended]] = deque()
        self._failed_starts = 0

    def delay_s(self, ended: Ended, now: float) -> float | None:
        """How long to wait for the next process; None when the worker has failed."""
        if ended is Ended.NOT_STARTED:
            self._failed_starts += 1
            return backoff(self._failed_starts, FIRST_BACKOFF_S, LONGEST_START_BACKOFF_S)
        self._failed_starts = 0
        return None if ended is Ended.UNUSABLE else self._next_delay_s(ended, now)

    def _next_delay_s(self, ended: Ended, now: float) -> float | None:
        """Counts a restart and tells how long to wait for it; None when there were too many."""
        while self._times and self._times[0][0] <= now - RESTART_WINDOW_S:
            self._times.popleft()
        counted = sum(earlier is Ended.LOST for _, earlier in self._times)
        if ended is Ended.LOST and counted >= self._max_restarts:
            return None
        self._times.append((now, ended))
        return backoff(len(self._times) - 1, FIRST_BACKOFF_S, LONGEST_BACKOFF_S)


class Verdict(Enum):
    FINE = "fine"
    PING = "ping"
    HUNG = "hung"


class Watchdog:
    """Any event is a sign of life. A quiet worker is pinged, and hung when it stays quiet.

    A worker answers at its next step, and while it waits for work or for free slots, so the same
    rule serves a busy worker and an idle one.
    """

    def __init__(self, timeout_s: float, now: float) -> None:
        self.timeout_s = timeout_s
        self._last_life = now
        self._pinged: float | None = None

    def sign_of_life(self, now: float) -> None:
        self._last_life = now
        self._pinged = None

    def verdict(self, now: float) -> Verdict:
        """To be asked several times within the timeout. Asked late, because the asker was stalled,
        it does not blame a worker that had no time to answer."""
        silence_s = now - self._last_life
        if self._pinged is None:
            if silence_s < self.timeout_s / 4:
                return Verdict.FINE
            self._pinged = now
            return Verdict.PING
        unanswered_s = now - self._pinged
        hung = silence_s >= self.timeout_s and unanswered_s >= self.timeout_s / 2
        return Verdict.HUNG if hung else Verdict.FINE
