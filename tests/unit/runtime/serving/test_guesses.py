from __future__ import annotations

from matinee.serving import guesses
from matinee.serving.guesses import Guesses


def test_mistakes_are_forgiven_one_by_one() -> None:
    some = Guesses(burst=3, forgiven_s=10.0)
    for now in (100.0, 100.0, 101.0):
        assert some.wait_s("a", now) == 0.0
        some.was_wrong("a", now)
    assert some.wait_s("a", 101.0) == 9.0
    assert some.wait_s("b", 101.0) == 0.0
    assert some.wait_s("a", 110.0) == 0.0
    some.was_wrong("a", 110.0)
    assert some.wait_s("a", 110.0) == 10.0
    assert some.wait_s("a", 1000.0) == 0.0


def test_as_many_addresses_are_remembered_as_there_may_be() -> None:
    some = Guesses(burst=1, forgiven_s=10.0)
    for number in range(guesses.MOST_ADDRESSES + 1):
        some.was_wrong(str(number), 0.0)
    assert some.wait_s("0", 0.0) == 0.0
    assert some.wait_s("1", 0.0) == 10.0
