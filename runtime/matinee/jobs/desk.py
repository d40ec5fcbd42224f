"""Everything that becomes of jobs on the disk: the ledger and the folders change together.

Synchronous, and called by one thread. Each method is whole or nothing, also when the process is
killed within it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matinee.jobs import record
from matinee.jobs.ledger import Direction, KeyReused, Ledger, Once, Placed, QueueFull
from matinee.jobs.record import Failure, Job, Order, Status
from matinee.jobs.retention import Bounds, Quota, QuotaUsedUp, surplus
from matinee.jobs.workshop import INPUT, Workshop


@dataclass(frozen=True, slots=True)
class New:
    """What is asked for. `upload`: the image that came with it, a file of this server's own.
    `once`: where the client may send it again. `owner`: of the key that came with it."""

    order: Order
    upload: Path | None = None
    once: Once | None = None
    owner: str = ""


class SourceGone(Exception):
    """What it was to be made of was deleted meanwhile."""


class Desk:
    """`clock`: seconds since 1970. Raises OSError and `sqlite3.Error` for whatever the disk does.
    See `keeping.Keeping`."""

    def __init__(
        self,
        directory: Path,
        bounds: Bounds,
        quota: Quota,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.workshop = Workshop(directory)
        self.ledger = Ledger(self.workshop.ledger_file)
        self._bounds, self._quota, self._clock = bounds, quota, clock
        self.tidy()
        with self.ledger.writing():
            self.workshop.sweep(self.ledger.ids())

    def close(self) -> None:
        """Jobs that were being made here wait for another server."""
        with self.ledger.writing():
            self.ledger.change_all_of(self.workshop.holder, record.let_go)
        self.ledger.close()
        self.workshop.close()

    def create(self, new: New) -> Job:
        """The job, or the one that was made of the same request before. Raises `QueueFull`,
        `QuotaUsedUp`, `KeyReused`, `SourceGone`."""
        with self.ledger.writing():
            if new.once and (earlier := self.ledger.made_for(new.once.key)):
                if earlier[1] != new.once.fingerprint:
                    raise KeyReused
                return earlier[0]
            self._check_room(new.owner)
            job = record.new_job(new.order, self._clock(), new.owner)
            if new.upload is not None:
                self.workshop.take_input(job.id, new.upload)
            elif new.order.input_mime is not None and new.order.remixed_from is not None:
                self._share_input(job.id, new.order.remixed_from)
            self.ledger.add(job, new.once)
        return job

    def delete(self, job_id: str) -> bool:
        """Whatever it is at. False: there is none."""
        with self.ledger.writing():
            found = self.ledger.remove(job_id)
            if found:
                self.workshop.remove(job_id)
        return found

    def content(self, job_id: str, file: str) -> Path | None:
        """None when there is none, or none so far."""
        job = self.ledger.job(job_id)
        if job is None or job.status is not Status.COMPLETED:
            return None
        return self.workshop.file(job_id, file)

    @property
    def making(self) -> Path:
        return self.workshop.making

    def placed(self, job_id: str) -> Placed | None:
        return self.ledger.placed(job_id)

    def page(self, after: str | None, limit: int, direction: Direction, owner: str) -> list[Job]:
        """Raises `KeyError` too."""
        return self.ledger.page(after, limit, direction, owner)

    def counts(self) -> tuple[int, int]:
        """How many wait, and how many are made."""
        return self.ledger.waiting(), self.ledger.being_made()

    # While a job is made

    def image(self, job: Job) -> Path:
        return self.workshop.file(job.id, INPUT)

    def renew(self) -> set[str]:
        """Nothing is lost while the process lives: it holds its jobs by a lock."""
        return set()

    def fetch(self, file: Path) -> None:
        """It is there."""

    def deliver(self, job_id: str, made: Path) -> None:
        """`complete` does all."""

    def claim(self) -> Job | None:
        """The first that waits, ours from now on."""
        if self.ledger.first_waiting() is None:
            return None  # asked every second, without a lock
        with self.ledger.writing():
            job = self.ledger.first_waiting()
            if job is not None:
                job = record.begun(job, self.workshop.holder, self._clock())
                self.ledger.put(job)
        return job

    def advance(self, job_id: str, percent: int) -> bool:
        """False: it is not ours any more, because somebody deleted it."""
        return self._change(job_id, lambda job: record.advanced(job, percent))

    def complete(self, job_id: str, made: Path) -> bool:
        """`made`: the folder with all that it became. False as above."""
        with self.ledger.writing():
            if self.ledger.change(job_id, self.workshop.holder, lambda job: job) is None:
                return False
            nbytes = self.workshop.put_in_place(job_id, made)
            done = partial(record.done, nbytes=nbytes, now=self._clock())
            self.ledger.change(job_id, self.workshop.holder, done)
        self._drop_surplus()
        return True

    def fail(self, job_id: str, failure: Failure) -> None:
        self._change(job_id, lambda job: record.failed(job, failure, self._clock()))

    def let_go(self, job_id: str) -> None:
        self._change(job_id, record.let_go)

    def tidy(self) -> None:
        """Take over the jobs of servers that died; drop those whose time is up."""
        for holder in self.ledger.holders() - {self.workshop.holder}:
            if not self.workshop.is_alive(holder):
                with self.ledger.writing():
                    self.ledger.change_all_of(holder, partial(record.lost, now=self._clock()))
        self._drop_surplus()

    def _check_room(self, owner: str) -> None:
        """Raises `QueueFull` and `QuotaUsedUp`."""
        if self.ledger.waiting() >= self._quota.max_queued:
            raise QueueFull
        if owner and self.ledger.waiting(owner) >= self._quota.max_queued_of_owner:
            raise QueueFull
        if owner and self.ledger.nbytes_of(owner) >= self._quota.max_bytes_of_owner:
            raise QuotaUsedUp

    def _share_input(self, job_id: str, source_id: str) -> None:
        try:
            self.workshop.share_input(job_id, source_id)
        except FileNotFoundError:
            self.workshop.remove(job_id)
            raise SourceGone from None

    def _drop_surplus(self) -> None:
        for job_id in list(surplus(self.ledger.finished(), self._bounds, self._clock())):
            self.delete(job_id)

    def _change(self, job_id: str, change: Callable[[Job], Job]) -> bool:
        with self.ledger.writing():
            return self.ledger.change(job_id, self.workshop.holder, change) is not None
