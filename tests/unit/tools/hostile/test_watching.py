from __future__ import annotations

import struct

from tools.hostile.watching import Arrivals, p99, starts_at_s


def played(arrivals: Arrivals, times: list[float]) -> None:
    """Two segments of two pieces."""
    for number, now in enumerate(times):
        if number % 2 == 0:
            arrivals.begin_segment()
        arrivals.came(now)


def test_each_place_in_a_segment_has_its_own_rhythm() -> None:
    arrivals = Arrivals()
    played(arrivals, [0.0, 0.25, 1.25, 1.5, 2.5, 2.75])
    arrivals.learn()
    played(arrivals, [3.75, 4.0, 5.5, 5.75])
    assert arrivals.late_ms(now=5.75) == [0, 500, 0, 0, 0]


def test_what_does_not_come_is_late() -> None:
    arrivals = Arrivals()
    played(arrivals, [0.0, 0.25, 1.25, 1.5])
    arrivals.learn()
    assert arrivals.late_ms(now=4.5) == [2000]


def test_the_last_hundredth_is_left_out() -> None:
    assert round(p99([float(number) for number in range(101)]), 6) == 99


def test_a_fragment_tells_when_it_starts() -> None:
    long, short = (
        b"moof....tfdt" + struct.pack(form, *fields)
        for form, fields in (("!IQ", (1 << 24, 180_000)), ("!II", (0, 45_000)))
    )
    assert [starts_at_s(long, 90_000), starts_at_s(short, 90_000)] == [2.0, 0.5]
