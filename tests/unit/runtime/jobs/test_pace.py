from __future__ import annotations

import pytest

from matinee.jobs.pace import LATEST_MS, SOONEST_MS, UNKNOWN_MS, Pace
from matinee.jobs.record import Job, advanced, begun
from tests.unit.runtime.jobs.making import job, order


def paced(seconds: float = 8.0) -> Pace:
    pace = Pace()
    pace.made(order(), seconds)
    return pace


def at(percent: int) -> Job:
    return advanced(begun(job(), "here", 0.0), percent)


@pytest.mark.parametrize(
    ("pace", "asked", "ahead", "milliseconds"),
    [
        (Pace(), job(), 0, UNKNOWN_MS),
        (paced(8.0), at(0), 0, 1000),
        (paced(8.0), at(50), 0, 500),
        (paced(8.0), job(), 0, 1000),
        (paced(8.0), job(), 2, 3000),
        (paced(8.0), job(num_inference_steps=8), 0, 2000),
        (paced(0.1), at(90), 0, SOONEST_MS),
        (paced(800.0), job(), 9, LATEST_MS),
    ],
)
def test_who_waits_longer_asks_later(pace: Pace, asked: Job, ahead: int, milliseconds: int) -> None:
    assert pace.poll_after_ms(asked, ahead) == milliseconds


def test_the_newest_time_counts_most_but_not_alone() -> None:
    pace = paced(10.0)
    pace.made(order(), 20.0)
    assert pace.seconds_of(order()) == pytest.approx(13.0)


@pytest.mark.parametrize(("pace", "seconds"), [(Pace(), 5), (paced(0.01), 1), (paced(999.0), 60)])
def test_a_full_queue_is_tried_again_when_a_job_is_made(pace: Pace, seconds: int) -> None:
    assert pace.retry_after_s(order()) == seconds
