"""How far the fetching is: counted by the threads that fetch, told to whoever asks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from matinee_api.contracts.fetch import FetchProgress

LEAST_S, MOST_S = 1.0, 15.0
"""Between two lines: at least, though more has come; at most, though nothing has."""
RATE_WINDOW_S = 5.0
_SAMPLE_S = 0.25


class Rate:
    """Bytes a second over the last seconds; times are passed in."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._count = 0

    def add(self, count: int, at_s: float) -> None:
        if not self._samples or at_s - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((at_s, self._count))
        self._count += count

    def per_second(self, at_s: float) -> int:
        while self._samples and self._samples[0][0] < at_s - RATE_WINDOW_S:
            self._samples.popleft()
        if not self._samples:
            return 0
        began_s, before = self._samples[0]
        return round((self._count - before) / max(at_s - began_s, LEAST_S))


class Progress:
    """Bytes of all trees. Every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._rate = Rate()
        self._done = self._total = 0
        self._closed = False

    def expect(self, count: int) -> None:
        """There are so many bytes more."""
        with self._changed:
            self._total += count
            self._changed.notify_all()

    def found(self, count: int) -> None:
        """So many were there already."""
        with self._changed:
            self._done += count
            self._changed.notify_all()

    def fetched(self, count: int) -> None:
        """So many came; negative: so many were thrown away."""
        with self._changed:
            self._done += count
            self._rate.add(max(count, 0), self._clock())
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing changes any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def lines(self, least_s: float = LEAST_S, most_s: float = MOST_S) -> Iterator[FetchProgress]:
        """How far it is: at once, then after changes, and again after `most_s`, until the end."""
        while True:
            with self._changed:
                closed, told = self._closed, self._now()
            yield told
            if closed:
                return
            with self._changed:
                self._changed.wait_for(lambda: self._closed, least_s)
                self._changed.wait_for(lambda: self._differs_from(told), most_s - least_s)  # noqa: B023

    def _now(self) -> FetchProgress:
        return FetchProgress(
            bytes_done=self._done,
            bytes_total=self._total,
            bytes_per_second=self._rate.per_second(self._clock()),
        )

    def _differs_from(self, told: FetchProgress) -> bool:
        return self._closed or (self._done, self._total) != (told.bytes_done, told.bytes_total)
