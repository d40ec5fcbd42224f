"""Viewers first: jobs in the background get the chunks that no viewer wants.

A viewer's client that asks for its next segment as soon as one ends would find a job's chunk begun
in between, each time. So for a moment after a viewer's segment no job's chunk is begun.

Jobs may have a share of the time for themselves. While both wait, viewers run up a debt with what
they take; as soon as there is one, the next chunk is a job's, which pays for more than that where
it is long.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from matinee.worker.messages import SegmentJob
from matinee.worker.scheduler import Scheduler

VIEWER_AGAIN_S = 0.05
"""From the end of a segment to the next order of a client that sends it at once, and is near."""
LARGEST_SHARE_PERCENT = 90


class Priorities:
    """As `Scheduler`, of which it has one for each. `clock`: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._viewers, self._background = Scheduler(), Scheduler()
        self._of_job: dict[int, Scheduler] = {}
        self._viewer_left_at = -VIEWER_AGAIN_S
        self._share = 0.0
        self._debt = 0.0

    def add(self, job: SegmentJob) -> None:
        scheduler = self._background if job.background else self._viewers
        if job.background:
            self._share = min(job.share_percent, LARGEST_SHARE_PERCENT) / 100
        self._of_job[job.job_id] = scheduler
        scheduler.add(job.session_id, job.job_id)

    def pick(self, blocked: Container[int] = ()) -> int | None:
        first, second = self._viewers, self._background
        if self._debt > 0:
            first, second = second, first
        chosen = first.pick(blocked)
        return second.pick(blocked) if chosen is None else chosen

    def courtesy_s(self, job_id: int) -> float:
        """How long a viewer may still come before this job."""
        if self._of_job[job_id] is self._viewers or self._debt > 0:
            return 0.0
        return max(0.0, self._viewer_left_at + VIEWER_AGAIN_S - self._clock())

    def charge(self, job_id: int, service: float) -> None:
        scheduler = self._of_job[job_id]
        scheduler.charge(job_id, service)
        if scheduler is self._background and len(self._viewers):
            self._debt -= service
        elif scheduler is self._viewers and len(self._background):
            self._debt += service * self._share / (1 - self._share)

    def remove(self, job_id: int) -> None:
        scheduler = self._of_job.pop(job_id)
        scheduler.remove(job_id)
        if scheduler is self._viewers:
            self._viewer_left_at = self._clock()
        elif not len(self._background):
            self._debt = min(0.0, self._debt)
