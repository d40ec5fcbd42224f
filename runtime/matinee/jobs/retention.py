"""Which finished jobs go, because they are old or too many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """`ttl_s`: how long a finished job is kept. `max_bytes`: of the files of all of them."""

    ttl_s: float
    max_jobs: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    """`ended_at`: seconds since 1970."""

    id: str
    ended_at: float
    nbytes: int


def surplus(finished: Iterable[Finished], bounds: Bounds, now: float) -> Iterator[str]:
    """Ids of those that go: the oldest. The newest stays until its time is up, however large."""
    jobs = total_bytes = 0
    for job in sorted(finished, key=lambda one: one.ended_at, reverse=True):
        jobs, total_bytes = jobs + 1, total_bytes + job.nbytes
        too_many = jobs > bounds.max_jobs or (jobs > 1 and total_bytes > bounds.max_bytes)
        if too_many or job.ended_at + bounds.ttl_s <= now:
            yield job.id
