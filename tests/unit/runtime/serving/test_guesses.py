from __future__ import annotations

from matinee.serving import guesses
from matinee.serving.guesses import Guesses

MINE, HERS = ("10.0.0.1", "mine"), ("10.0.0.1", "hers")
"""Two viewers behind one proxy."""


def test_mistakes_are_forgiven_one_by_one() -> None:
    some = Guesses(burst=3, forgiven_s=10.0)
    for now in (100.0, 100.0, 101.0):
        assert some.wait_s(MINE, now) == 0.0
        some.was_wrong(MINE, now)
    assert some.wait_s(MINE, 101.0) == 9.0
    assert some.wait_s(HERS, 101.0) == 0.0
    assert some.wait_s(MINE, 110.0) == 0.0
    some.was_wrong(MINE, 110.0)
    assert some.wait_s(MINE, 110.0) == 10.0
    assert some.wait_s(MINE, 1000.0) == 0.0


def test_as_many_are_remembered_as_there_may_be() -> None:
    some = Guesses(burst=1, forgiven_s=10.0)
    for number in range(guesses.MOST_REMEMBERED + 1):
        some.was_wrong(("10.0.0.1", str(number)), 0.0)
    assert some.wait_s(("10.0.0.1", "0"), 0.0) == 0.0
    assert some.wait_s(("10.0.0.1", "1"), 0.0) == 10.0
