from __future__ import annotations

from matinee.router.early import FREE_BYTES, Early
from matinee.serving.byte_budget import ByteBudget


def test_a_little_is_free_and_more_is_a_share_of_what_all_may_hold() -> None:
    budget = ByteBudget(3 * FREE_BYTES)
    one, other = (Early(budget, most_bytes=10 * FREE_BYTES) for _ in range(2))
    assert one.hold(bytes(FREE_BYTES))
    assert budget.held == 0
    assert one.hold(bytes(FREE_BYTES))
    assert not other.hold(bytes(2 * FREE_BYTES))
    assert len(one.take()) == 2
    assert (budget.held, one.nbytes, one.pieces) == (2 * FREE_BYTES, 0, [])
    one.forget()
    assert budget.held == 0


def test_a_byte_at_a_time_takes_the_memory_of_bytes() -> None:
    early = Early(ByteBudget(2**30), most_bytes=2**30)
    for _ in range(10_000):
        early.hold(b"x")
    assert len(early.pieces) == 3
    assert b"".join(early.take()) == b"x" * 10_000


def test_nobody_says_more_than_a_message_may_be_long() -> None:
    early = Early(ByteBudget(2**30), most_bytes=2 * FREE_BYTES)
    assert early.hold(bytes(2 * FREE_BYTES))
    assert not early.hold(b"x")
