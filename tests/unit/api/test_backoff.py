from __future__ import annotations

from matinee_api.backoff import backoff


def test_each_failure_in_a_row_doubles_the_pause_up_to_the_longest() -> None:
    assert [backoff(n, 0.5, 3.0) for n in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_nothing_is_waited_for_before_the_first_failure() -> None:
    assert backoff(0, 0.5, 3.0) == 0.0


def test_a_thing_may_fail_for_years() -> None:
    assert backoff(10**6, 0.2, 60.0) == 60.0
