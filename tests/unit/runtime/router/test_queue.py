from __future__ import annotations

import pytest

from matinee.router.queue import Place, Queue
from matinee.serving.admission import QueueFull


def served(queue: Queue, count: int) -> list[str]:
    owners = []
    for _ in range(count):
        first = queue.places[0]
        queue.serve(first)
        owners.append(first.owner)
    return owners


def test_one_owners_viewers_are_served_as_they_came() -> None:
    queue = Queue(10)
    places = [queue.join("a") for _ in range(4)]
    assert list(queue.places) == places


def test_an_owner_with_many_viewers_delays_anothers_first_one_by_one() -> None:
    queue = Queue(100)
    for _ in range(50):
        queue.join("many")
    queue.join("few")
    assert served(queue, 4) == ["many", "few", "many", "many"]


def test_who_comes_later_has_no_claim_to_the_turns_before() -> None:
    queue = Queue(100)
    for _ in range(10):
        queue.join("a")
    served(queue, 5)
    for _ in range(3):
        queue.join("b")
    assert served(queue, 6) == ["a", "b", "a", "b", "a", "b"]


def test_it_is_bounded_and_who_leaves_makes_room() -> None:
    queue = Queue(2)
    first = queue.join("a")
    queue.join("b")
    with pytest.raises(QueueFull):
        queue.join("c")
    queue.leave(first)
    queue.leave(first)
    queue.join("c")
    assert len(queue) == 2
    with pytest.raises(QueueFull):
        Queue(0).join("a")


def test_an_owner_that_crowds_a_full_queue_makes_room_for_others() -> None:
    queue = Queue(3)
    many = [queue.join("many") for _ in range(3)]
    assert queue.surplus("few") == many[2]
    queue.leave(many[2])
    queue.join("few")
    assert queue.surplus("few") is None, "it would have as many as it takes away"
    assert queue.surplus("many") is None
    assert queue.surplus("other") == many[1]
    assert Queue(0).surplus("few") is None


def test_who_comes_back_has_the_old_place_even_in_a_full_queue() -> None:
    queue = Queue(2)
    first: Place = queue.join("a")
    queue.serve(first)
    queue.join("a")
    queue.join("a")
    queue.come_back(first)
    assert queue.places[0] == first
    assert len(queue) == 3
