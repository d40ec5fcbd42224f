"""How long jobs take here, and when to ask again. Pure: measured times enter."""

from __future__ import annotations

from matinee.jobs.record import Job, Order, Status

NEW_WEIGHT = 0.3
"""Of the last job against those before it."""
SOONEST_MS, LATEST_MS = 100, 5000
UNKNOWN_MS = 500
LOOKS = 8
"""How often a client looks while a job takes as long as expected."""
SHORTEST_RETRY_S, LONGEST_RETRY_S = 1, 60
UNKNOWN_S = 5.0


class Pace:
    """Knows nothing before the first job is made."""

    def __init__(self) -> None:
        self._s_of_work: float | None = None

    def made(self, order: Order, seconds: float) -> None:
        measured = seconds / order.work
        before = measured if self._s_of_work is None else self._s_of_work
        self._s_of_work = before + NEW_WEIGHT * (measured - before)

    def seconds_of(self, order: Order) -> float | None:
        """None while nobody knows."""
        return None if self._s_of_work is None else self._s_of_work * order.work

    def poll_after_ms(self, job: Job, ahead: int) -> int:
        """When a client had better ask again. `ahead`: jobs that are made before it."""
        whole_s = self.seconds_of(job.order)
        if whole_s is None:
            return UNKNOWN_MS
        left = 1 - job.progress / 100 if job.status is Status.IN_PROGRESS else 1 + ahead
        return min(LATEST_MS, max(SOONEST_MS, round(1000 * whole_s * left / LOOKS)))

    def retry_after_s(self, order: Order) -> int:
        """When a full queue may have room again: a job has been made then."""
        return min(
            LONGEST_RETRY_S, max(SHORTEST_RETRY_S, round(self.seconds_of(order) or UNKNOWN_S))
        )
