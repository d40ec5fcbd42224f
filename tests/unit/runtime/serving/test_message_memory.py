from __future__ import annotations

from matinee.serving.message_memory import (
    FREE_BYTES,
    LEAST_BYTES_PER_S,
    PATIENCE_S,
    MessageMemory,
)

MIB = 2**20


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_short_messages_hold_nothing() -> None:
    memory = MessageMemory(MIB, Clock())
    assert all(memory.hold(holder, FREE_BYTES) for holder in range(1000))
    assert memory.held_bytes == 0


def test_who_came_first_may_always_grow_so_that_somebody_gets_done() -> None:
    memory = MessageMemory(MIB, Clock())
    assert memory.hold("first", MIB // 2)
    assert memory.hold("second", MIB)
    assert not memory.hold("third", MIB // 2)
    assert memory.hold("first", 48 * MIB)
    assert not memory.hold("second", MIB + 1)
    memory.release("first")
    assert memory.hold("second", 2 * MIB)


def test_all_together_hold_at_most_one_largest_message_more_than_the_bound() -> None:
    memory = MessageMemory(MIB, Clock())
    for size in range(0, 2 * MIB, FREE_BYTES):
        for holder in range(10):
            memory.hold(holder, size)
    assert memory.held_bytes <= 2 * MIB + MIB


def test_who_works_on_what_came_holds_that_and_stays_the_first() -> None:
    memory = MessageMemory(MIB, Clock())
    memory.hold("first", 48 * MIB)
    assert memory.hold("second", MIB)
    memory.release("first", 24 * MIB)
    assert memory.held_bytes == 25 * MIB
    assert not memory.hold("second", 2 * MIB)
    memory.release("first", 30 * MIB)  # never more than before
    memory.release("first")
    assert memory.held_bytes == MIB
    assert memory.hold("second", 2 * MIB)


def test_those_who_wait_are_told_once_of_each_release() -> None:
    memory = MessageMemory(MIB, Clock())
    told: list[str] = []
    memory.hold("first", MIB)
    memory.wait("second", lambda: told.append("a"))
    memory.release("nobody")
    assert told == []
    memory.release("first")
    memory.release("first")
    assert told == ["a"]


def test_who_is_slow_gives_way_when_others_wait() -> None:
    clock = Clock()
    memory = MessageMemory(16 * MIB, clock)
    for holder in ("kept", "dripping", "complete", "quick", "waited", "leaving"):
        assert memory.hold(holder, MIB)
    memory.arrived("complete")
    memory.release("kept", MIB // 2)
    memory.wait("waited", lambda: None)
    clock.now = PATIENCE_S
    memory.leave("leaving")
    assert memory.hold("waited", MIB + 1)
    assert memory.hold("dripping", MIB + 1)
    assert memory.hold("quick", MIB + int(PATIENCE_S * LEAST_BYTES_PER_S))
    assert memory.slow() == []
    memory.wait("other", lambda: None)
    assert memory.slow() == ["dripping"]
    memory.leave("other")
    assert memory.slow() == []
