"""Viewers first: jobs in the background get the chunks that no viewer wants.

A viewer's client that asks for its next segment as soon as one ends would find a job's chunk begun
in between, each time. So for a moment after a viewer's segment no job's chunk is begun.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from matinee.worker.messages import SegmentJob
from matinee.worker.scheduler import Scheduler

VIEWER_AGAIN_S = 0.05
"""From the end of a segment to the next order of a client that sends it at once, and is near."""


class Priorities:
    """As `Scheduler`, of which it has one for each. `clock`: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._viewers, self._background = Scheduler(), Scheduler()
        self._of_job: dict[int, Scheduler] = {}
        self._viewer_left_at = -VIEWER_AGAIN_S

    def add(self, job: SegmentJob) -> None:
        scheduler = self._background if job.background else self._viewers
        self._of_job[job.job_id] = scheduler
        scheduler.add(job.session_id, job.job_id)

    def pick(self, blocked: Container[int] = ()) -> int | None:
        chosen = self._viewers.pick(blocked)
        return self._background.pick(blocked) if chosen is None else chosen

    def courtesy_s(self, job_id: int) -> float:
        """How long a viewer may still come before this job."""
        if self._of_job[job_id] is self._viewers:
            return 0.0
        return max(0.0, self._viewer_left_at + VIEWER_AGAIN_S - self._clock())

    def charge(self, job_id: int, service: float) -> None:
        self._of_job[job_id].charge(job_id, service)

    def remove(self, job_id: int) -> None:
        scheduler = self._of_job.pop(job_id)
        scheduler.remove(job_id)
        if scheduler is self._viewers:
            self._viewer_left_at = self._clock()
