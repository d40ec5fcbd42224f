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
    assert (budget.held, one.nbytes, one.pieces) == (0, 0, [])


def test_nobody_says_more_than_a_message_may_be_long() -> None:
    early = Early(ByteBudget(2**30), most_bytes=2 * FREE_BYTES)
    assert early.hold(bytes(2 * FREE_BYTES))
    assert not early.hold(b"x")
