from __future__ import annotations

import pytest

from matinee.worker.recovery import (
    Ended,
    RestartPolicy,
    Verdict,
    Watchdog,
    exit_reason,
    was_killed,
)


def test_the_first_restart_is_immediate_and_later_ones_wait_longer() -> None:
    policy = RestartPolicy(max_restarts=5)
    assert [policy.delay_s(Ended.LOST, 0.0) for _ in range(6)] == [0.0, 0.5, 1.0, 2.0, 4.0, None]


def test_restarts_older_than_ten_minutes_are_forgiven() -> None:
    policy = RestartPolicy(max_restarts=1)
    assert policy.delay_s(Ended.LOST, 0.0) == 0.0
    assert policy.delay_s(Ended.LOST, 599.0) is None
    assert policy.delay_s(Ended.LOST, 601.0) == 0.0


def test_no_delay_is_longer_than_half_a_minute() -> None:
    policy = RestartPolicy(max_restarts=1000)
    assert max(policy.delay_s(Ended.LOST, 0.0) or 0.0 for _ in range(1000)) == 30.0


def test_no_restart_is_allowed_when_none_is_configured() -> None:
    assert RestartPolicy(max_restarts=0).delay_s(Ended.LOST, 0.0) is None


def test_deaths_at_work_are_waited_for_and_never_make_a_worker_fail() -> None:
    policy = RestartPolicy(max_restarts=1)
    assert [policy.delay_s(Ended.AT_WORK, 0.0) for _ in range(5)] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert policy.delay_s(Ended.LOST, 0.0) == 8.0
    assert policy.delay_s(Ended.AT_WORK, 0.0) == 16.0
    assert policy.delay_s(Ended.LOST, 0.0) is None


@pytest.mark.parametrize(
    ("exit_code", "killed", "reason"),
    [
        (None, False, "could not be started"),
        (0, False, "ended by itself with exit code 0"),
        (1, False, "ended by itself with exit code 1"),
        (-9, True, "killed by SIGKILL"),
        (-15, True, "killed by SIGTERM"),
        (-11, False, "killed by SIGSEGV"),
        (-6, False, "killed by SIGABRT"),
        (-40, True, "killed by signal 40"),
    ],
)
def test_how_a_process_ended_tells_whether_it_was_killed_from_outside(
    exit_code: int | None, killed: bool, reason: str
) -> None:
    assert was_killed(exit_code) is killed
    assert reason in exit_reason(exit_code)


def test_a_process_that_could_not_be_started_is_tried_again_without_end() -> None:
    policy = RestartPolicy(max_restarts=1)
    delays = [policy.delay_s(Ended.NOT_STARTED, 0.0) for _ in range(1000)]
    assert delays[:6] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert set(delays[5:]) == {5.0}
    assert policy.delay_s(Ended.LOST, 0.0) == 0.0  # of which there was none so far
    assert policy.delay_s(Ended.NOT_STARTED, 0.0) == 0.5
    assert policy.delay_s(Ended.LOST, 0.0) is None


def test_a_worker_that_cannot_work_is_not_started_again() -> None:
    assert RestartPolicy(max_restarts=5).delay_s(Ended.UNUSABLE, 0.0) is None


def test_a_quiet_worker_is_pinged_once_and_then_given_up() -> None:
    watchdog = Watchdog(8.0, now=0.0)
    verdicts = [watchdog.verdict(float(now)) for now in range(9)]
    assert verdicts == [Verdict.FINE] * 2 + [Verdict.PING] + [Verdict.FINE] * 5 + [Verdict.HUNG]


def test_any_event_is_a_sign_of_life() -> None:
    watchdog = Watchdog(8.0, now=0.0)
    watchdog.verdict(2.0)
    watchdog.sign_of_life(7.0)
    assert watchdog.verdict(8.0) is Verdict.FINE
    assert watchdog.verdict(9.0) is Verdict.PING


def test_a_worker_is_not_blamed_for_a_stall_of_the_one_who_asks() -> None:
    watchdog = Watchdog(8.0, now=0.0)
    assert watchdog.verdict(100.0) is Verdict.PING
    assert watchdog.verdict(101.0) is Verdict.FINE
    assert watchdog.verdict(104.0) is Verdict.HUNG
