from __future__ import annotations

from matinee.serving import pace
from matinee.serving.pace import Pace

MINE, HERS = ("10.0.0.1", "mine"), ("10.0.0.1", "hers")
"""Two viewers behind one proxy."""


def test_what_was_done_counts_for_a_while() -> None:
    some = Pace[tuple[str, str]](burst=3, every_s=10.0)
    for now in (100.0, 100.0, 101.0):
        assert some.wait_s(MINE, now) == 0.0
        some.did(MINE, now)
    assert some.wait_s(MINE, 101.0) == 9.0
    assert some.wait_s(HERS, 101.0) == 0.0
    assert some.wait_s(MINE, 110.0) == 0.0
    some.did(MINE, 110.0)
    assert some.wait_s(MINE, 110.0) == 10.0
    assert some.wait_s(MINE, 1000.0) == 0.0


def test_as_many_are_remembered_as_there_may_be() -> None:
    some = Pace[tuple[str, str]](burst=1, every_s=10.0)
    for number in range(pace.MOST_REMEMBERED + 1):
        some.did(("10.0.0.1", str(number)), 0.0)
    assert some.wait_s(("10.0.0.1", "0"), 0.0) == 0.0
    assert some.wait_s(("10.0.0.1", "1"), 0.0) == 10.0
