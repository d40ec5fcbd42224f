from __future__ import annotations

import pytest

from matinee.router.parked import Parked, new_token
from matinee.router.queue import Place

ALICE, PHONE = Place(1, 0, "key alice"), Place(2, 1, "address 192.0.2.1")


def test_a_place_is_given_back_once_and_for_a_while() -> None:
    parked = Parked(kept_s=60.0, most=10)
    token, late = new_token(), new_token()
    parked.put(token, PHONE, now=0.0)
    parked.put(late, ALICE, now=0.0)
    assert parked.take(new_token(), PHONE.owner, 1.0) is None
    assert parked.take(token, PHONE.owner, 59.0) == PHONE
    assert parked.take(token, PHONE.owner, 59.0) is None
    assert parked.take(late, ALICE.owner, 60.0) is None


@pytest.mark.parametrize(
    ("place", "owner", "given"),
    [
        (ALICE, "key alice", True),
        (ALICE, "key bob", False),
        (ALICE, "address 192.0.2.1", False),
        (PHONE, "key alice", False),
        (PHONE, "address 198.51.100.7", True),
    ],
)
def test_a_place_of_a_key_is_that_keys_and_an_address_may_have_changed(
    place: Place, owner: str, given: bool
) -> None:
    parked = Parked(kept_s=60.0, most=10)
    parked.put("token", place, now=0.0)
    assert (parked.take("token", owner, 1.0) == place) is given


def test_so_many_are_kept_and_the_oldest_is_forgotten() -> None:
    parked = Parked(kept_s=60.0, most=2)
    for number, token in enumerate("abc"):
        parked.put(token, Place(number, number, "o"), now=0.0)
    assert [parked.take(token, "o", 1.0) is not None for token in "abc"] == [False, True, True]
