from __future__ import annotations

import pytest

from matinee.serving.frame_budget import BURST_S, LONG_PART_BYTES, counts, frame_budget


def test_a_burst_is_taken_and_one_frame_more_is_not() -> None:
    budget = frame_budget(10, at=100.0)
    assert budget.spend(round(10 * BURST_S), 100.0)
    assert not budget.spend(1, 100.0)


@pytest.mark.parametrize(("each_s", "lasts"), [(0.1, True), (0.05, False)])
def test_the_rate_decides_in_the_long_run(each_s: float, lasts: bool) -> None:
    budget = frame_budget(10, at=0.0)
    assert all(budget.spend(1, each_s * turn) for turn in range(100)) is lasts


def test_a_long_silence_saves_up_no_more_than_a_burst() -> None:
    budget = frame_budget(10, at=0.0)
    assert not budget.spend(round(10 * BURST_S) + 1, 1e6)


def test_only_long_parts_of_messages_do_not_count() -> None:
    assert counts(continues=False, nbytes=2**20)
    assert counts(continues=True, nbytes=LONG_PART_BYTES - 1)
    assert not counts(continues=True, nbytes=LONG_PART_BYTES)
