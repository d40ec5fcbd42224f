"""When a worker is given up, and how long to wait before the next one. Pure: time is passed in."""

from __future__ import annotations

from collections import deque
from enum import Enum

from matinee_api.backoff import backoff

RESTART_WINDOW_S = 600.0
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0


class RestartPolicy:
    """At most `max_restarts` within ten minutes: the first at once, then 0.5 s, 1 s, 2 s, ..."""

    def __init__(self, max_restarts: int) -> None:
        self._max_restarts = max_restarts
        self._times: deque[float] = deque()

    def next_delay_s(self, now: float) -> float | None:
        """Counts a restart and tells how long to wait for it; None when there were too many."""
        while self._times and self._times[0] <= now - RESTART_WINDOW_S:
            self._times.popleft()
        earlier = len(self._times)
        if earlier >= self._max_restarts:
            return None
        self._times.append(now)
        return backoff(earlier, FIRST_BACKOFF_S, LONGEST_BACKOFF_S)


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
