from __future__ import annotations

import pytest

from matinee.serving.byte_budget import ByteBudget, OverBudget


def test_all_shares_together_stay_within_the_limit() -> None:
    budget = ByteBudget(100)
    one, other = budget.share(), budget.share()
    one.hold(60)
    other.hold(40)
    with pytest.raises(OverBudget):
        other.hold(41)
    assert budget.held == 100


def test_a_share_holds_what_it_said_last() -> None:
    budget = ByteBudget(100)
    share = budget.share()
    for nbytes in (100, 20, 90, 0, 0):
        share.hold(nbytes)
        assert budget.held == nbytes


def test_what_is_given_back_another_may_hold() -> None:
    budget = ByteBudget(100)
    one, other = budget.share(), budget.share()
    one.hold(100)
    with pytest.raises(OverBudget):
        other.hold(1)
    one.hold(10)
    other.hold(90)
    assert budget.held == 100
