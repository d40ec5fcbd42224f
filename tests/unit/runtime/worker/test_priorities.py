from __future__ import annotations

import dataclasses

import pytest

from matinee.worker.messages import SegmentJob
from matinee.worker.priorities import VIEWER_AGAIN_S, Priorities
from tests.unit.runtime.worker.making import segment


def in_background() -> SegmentJob:
    return dataclasses.replace(segment(session="job"), background=True)


def priorities(now: float = 0.0) -> Priorities:
    return Priorities(lambda: now)


def test_a_viewer_who_comes_later_is_served_first() -> None:
    scheduler, job, viewer = priorities(), in_background(), segment()
    scheduler.add(job)
    assert scheduler.pick() == job.job_id
    scheduler.charge(job.job_id, 1.0)
    scheduler.add(viewer)
    for _ in range(3):
        assert scheduler.pick() == viewer.job_id
        scheduler.charge(viewer.job_id, 1.0)
    scheduler.remove(viewer.job_id)
    assert scheduler.pick() == job.job_id


def test_a_job_fills_what_a_viewer_who_is_blocked_leaves() -> None:
    scheduler, job, viewer = priorities(), in_background(), segment()
    scheduler.add(job)
    scheduler.add(viewer)
    assert scheduler.pick({viewer.job_id}) == job.job_id
    assert scheduler.pick({viewer.job_id, job.job_id}) is None


def test_jobs_take_turns_among_themselves() -> None:
    scheduler, jobs = priorities(), [in_background(), in_background()]
    jobs[1] = dataclasses.replace(jobs[1], session_id="another")
    for job in jobs:
        scheduler.add(job)
    served = []
    for _ in range(4):
        picked = scheduler.pick()
        assert picked is not None
        scheduler.charge(picked, 1.0)
        served.append(picked)
    assert served == [job.job_id for job in jobs] * 2


def test_a_job_waits_a_moment_for_the_viewer_whose_segment_has_just_ended() -> None:
    now = [0.0]
    scheduler, job, viewer = Priorities(lambda: now[0]), in_background(), segment()
    scheduler.add(job)
    assert scheduler.courtesy_s(job.job_id) == 0.0
    scheduler.add(viewer)
    assert scheduler.courtesy_s(viewer.job_id) == 0.0
    scheduler.remove(viewer.job_id)
    assert scheduler.courtesy_s(job.job_id) == VIEWER_AGAIN_S
    now[0] += VIEWER_AGAIN_S
    assert scheduler.courtesy_s(job.job_id) == 0.0


@pytest.mark.parametrize(("percent", "served"), [(0, 0), (20, 20), (50, 50), (90, 90), (100, 90)])
def test_jobs_have_their_share_while_viewers_want_everything(percent: int, served: int) -> None:
    scheduler, viewer = priorities(), segment()
    job = dataclasses.replace(in_background(), share_percent=percent)
    scheduler.add(viewer)
    scheduler.add(job)
    turns = 0
    for _ in range(100):
        picked = scheduler.pick()
        assert picked is not None
        scheduler.charge(picked, 1.0)
        turns += picked == job.job_id
    assert abs(turns - served) <= 1


def test_the_share_pays_for_chunks_of_any_length() -> None:
    scheduler, viewer = priorities(), segment()
    job = dataclasses.replace(in_background(), share_percent=20)
    scheduler.add(viewer)
    scheduler.add(job)
    took = {viewer.job_id: 0.1, job.job_id: 1.0}
    spent = dict.fromkeys(took, 0.0)
    for _ in range(500):
        picked = scheduler.pick()
        assert picked is not None
        scheduler.charge(picked, took[picked])
        spent[picked] += took[picked]
    assert spent[job.job_id] / sum(spent.values()) == pytest.approx(0.2, abs=0.02)


def test_what_viewers_took_while_no_job_waited_is_no_debt() -> None:
    scheduler, viewer = priorities(), segment()
    scheduler.add(viewer)
    scheduler.charge(viewer.job_id, 100.0)
    job = dataclasses.replace(in_background(), share_percent=50)
    scheduler.add(job)
    assert scheduler.pick() == viewer.job_id
    scheduler.charge(viewer.job_id, 1.0)
    assert scheduler.courtesy_s(job.job_id) == 0.0
    scheduler.remove(job.job_id)
    scheduler.add(dataclasses.replace(job, job_id=-7))
    assert scheduler.pick() == viewer.job_id
