"""Orders, and a desk over an empty folder whose clock stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matinee.jobs.desk import Desk
from matinee.jobs.orders import Rules, video_order
from matinee.jobs.record import Job, Order, new_job
from matinee.jobs.retention import Bounds, Quota
from tests.unit.runtime.models import INFO

RULES = Rules(INFO, prompt_characters=100)
BOUNDS = Bounds(ttl_s=100.0, max_jobs=10, max_bytes=2**20)
QUOTA = Quota(max_queued=3, max_queued_of_owner=2, max_bytes_of_owner=100)


def order(**fields: Any) -> Order:
    return video_order({"prompt": "a red ball", "seed": 7, **fields}, RULES)


def job(**fields: Any) -> Job:
    return new_job(order(**fields), 0.0)


class Clock:
    """Seconds since 1970; they pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def desk_of(folder: Path, clock: Clock) -> Desk:
    return Desk(folder, BOUNDS, QUOTA, clock)
