"""How many jobs there may be, and which finished ones go: the old, and those too many. Pure."""

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
class Quota:
    """Jobs that may wait, of all and of one owner; and bytes of an owner's finished ones, with
    which it may order more."""

    max_queued: int
    max_queued_of_owner: int
    max_bytes_of_owner: int


class QuotaUsedUp(Exception):
    """As many bytes of an owner are kept as may be."""


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
