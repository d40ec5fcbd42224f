from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice

from matinee.weights.fetch.progress import RATE_WINDOW_S, Progress, Rate
from matinee_api.contracts.fetch import FetchProgress


def told(done: int, total: int, rate: int = 0) -> FetchProgress:
    return FetchProgress(bytes_done=done, bytes_total=total, bytes_per_second=rate)


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate()
    for second in range(20):
        rate.add(1000 if second < 10 else 3000, at_s=second)
    assert rate.per_second(19.0) == 18000 / RATE_WINDOW_S
    assert rate.per_second(30.0) == 0


def test_a_first_moment_does_not_exaggerate() -> None:
    rate = Rate()
    rate.add(1000, at_s=0)
    assert rate.per_second(0.001) == 1000


def test_the_state_is_told_at_once_and_at_the_end() -> None:
    progress = Progress(clock=lambda: 0.0)
    progress.expect(10)
    progress.found(4)
    lines = progress.lines()
    assert next(lines) == told(4, 10)
    progress.fetched(6)
    progress.close()
    assert list(lines) == [told(10, 10, rate=6)]


def test_bytes_that_are_thrown_away_are_not_counted_twice() -> None:
    progress = Progress(clock=lambda: 0.0)
    progress.fetched(7)
    progress.fetched(-7)
    assert next(progress.lines()) == told(0, 0, rate=7)


def test_a_change_wakes_who_waits() -> None:
    progress = Progress(clock=lambda: 0.0)
    lines = progress.lines(least_s=0.0, most_s=60.0)
    assert next(lines) == told(0, 0)
    threading.Thread(target=progress.found, args=(3,)).start()
    assert next(lines) == told(3, 0)


def test_without_a_change_the_line_is_repeated() -> None:
    lines: Iterator[FetchProgress] = Progress().lines(least_s=0.0, most_s=0.0)
    assert list(islice(lines, 3)) == [told(0, 0)] * 3
