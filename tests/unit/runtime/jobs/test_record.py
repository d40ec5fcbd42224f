from __future__ import annotations

from collections.abc import Callable

import pytest

from matinee.jobs.record import (
    MOST_ATTEMPTS,
    Failure,
    Job,
    Status,
    advanced,
    begun,
    done,
    failed,
    let_go,
    lost,
)
from tests.unit.runtime.jobs.making import job

WRONG = Failure(code="generation_failed", message="out of memory")


def made() -> Job:
    return advanced(begun(job(), "here", 1.0), 40)


@pytest.mark.parametrize(
    ("change", "status", "progress", "holder"),
    [
        (lambda one: advanced(one, 60), Status.IN_PROGRESS, 60, "here"),
        (lambda one: advanced(one, 20), Status.IN_PROGRESS, 40, "here"),
        (lambda one: advanced(one, 100), Status.IN_PROGRESS, 99, "here"),
        (lambda one: done(one, 5, 2.0), Status.COMPLETED, 100, ""),
        (lambda one: failed(one, WRONG, 2.0), Status.FAILED, 40, ""),
        (let_go, Status.QUEUED, 40, ""),
        (lambda one: lost(one, 2.0), Status.QUEUED, 40, ""),
    ],
)
def test_a_job_that_is_made_changes_so(
    change: Callable[[Job], Job], status: Status, progress: int, holder: str
) -> None:
    """Whatever happens, its progress never goes back."""
    after = change(made())
    assert (after.status, after.progress, after.holder) == (status, progress, holder)
    assert after.ended == (after.ended_at is not None)


def test_a_job_whose_servers_die_fails_at_last_with_the_reason() -> None:
    one = job()
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert one.status is Status.QUEUED
        one = lost(begun(one, f"server {attempt}", 1.0), 2.0)
    assert (one.status, one.failure and one.failure.code) == (Status.FAILED, "server_died")


def test_a_server_that_ends_in_good_order_is_no_attempt() -> None:
    one = job()
    for _ in range(2 * MOST_ATTEMPTS):
        one = let_go(begun(one, "here", 1.0))
    assert (one.status, one.attempts) == (Status.QUEUED, 0)


def test_a_job_is_the_same_after_it_was_written_down() -> None:
    for one in (job(), made(), failed(made(), WRONG, 3.0), done(made(), 9, 3.0)):
        again = Job.model_validate_json(one.model_dump_json())
        assert again == one
        assert again.order.request == one.order.request
