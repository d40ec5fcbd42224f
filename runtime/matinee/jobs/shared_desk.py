"""Everything that becomes of jobs that several servers share: a ledger in Redis, and files in a
place that all of them reach. As `desk.Desk`, which has both on one disk.

The two cannot change at once, so files come first and the ledger says which of them count: a server
puts what it made under the number of its lease, and the job is completed by naming that number.
What no job names was left by a server that died, or was too late, and is swept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

from matinee.errors import StoreUnavailable
from matinee.jobs import record
from matinee.jobs.desk import New, SourceGone
from matinee.jobs.ledger import Direction, KeyReused, Placed
from matinee.jobs.record import Failure, Job, Status
from matinee.jobs.redis_ledger import Held, RedisLedger
from matinee.jobs.results import Results
from matinee.jobs.retention import Quota
from matinee.jobs.workshop import INPUT, Workshop

SWEEP_EVERY_S = 600.0
SWEPT_AT_ONCE = 256
"""Jobs whose files are looked at in one go: a folder over a network takes its time for each."""
JOB_ID = re.compile(r"[a-z]{1,16}_[0-9a-f]{32}")


class SharedDesk:
    """`scratch`: a folder of this server's own. `clock`: seconds since 1970. Raises OSError and
    `StoreUnavailable`. One thread calls everything but `deliver` and `fetch`."""

    def __init__(
        self,
        scratch: Path,
        ledger: RedisLedger,
        results: Results,
        quota: Quota,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._workshop = Workshop(scratch)
        self._ledger, self._results, self._quota, self._clock = ledger, results, quota, clock
        self._held: dict[str, Held] = {}
        self._sweeping: Iterator[str] = iter(())
        self._swept_at = clock() - SWEEP_EVERY_S

    @property
    def making(self) -> Path:
        return self._workshop.making

    def close(self) -> None:
        """Jobs that were being made here wait for another server, now or when the lease ends."""
        for job_id in list(self._held):
            with suppress(StoreUnavailable):
                self.let_go(job_id)
        self._ledger.close()
        self._workshop.close()

    def create(self, new: New) -> Job:
        """As `Desk.create`."""
        if new.once and (earlier := self._ledger.made_for(new.once.key)):
            if earlier[1] != new.once.fingerprint:
                raise KeyReused
            return earlier[0]
        job = record.new_job(new.order, self._clock(), new.owner)
        image = self._image_for(new)
        if image is not None:
            self._ledger.coming(job.id)
            self._results.put(job.id, INPUT, INPUT, image)
        added: Job | None = None
        try:
            added = self._ledger.add(job, new.once, self._quota, files=image is not None)
        finally:
            if image is not None and (added is None or added.id != job.id):
                self._give_up_files(job.id)
        return added

    def delete(self, job_id: str) -> bool:
        """Whatever it is at. False: there is none."""
        found = self._ledger.remove(job_id)
        if found:
            self._give_up_files(job_id)
        return found

    def content(self, job_id: str, file: str) -> Path | None:
        """None when there is none, or none so far."""
        job = self._ledger.job(job_id)
        if job is None or job.status is not Status.COMPLETED:
            return None
        return self._results.get(job_id, job.result, file)

    def fetch(self, file: Path) -> None:
        """What `content` or `image` gave is on this disk, if it is anywhere. In any thread."""
        self._results.fetch(file)

    def placed(self, job_id: str) -> Placed | None:
        return self._ledger.placed(job_id)

    def page(self, after: str | None, limit: int, direction: Direction, owner: str) -> list[Job]:
        """Raises `KeyError` too."""
        return self._ledger.page(after, limit, direction, owner)

    def counts(self) -> tuple[int, int]:
        """How many wait, and how many are made, at all servers."""
        return self._ledger.counts()

    # While a job is made

    def claim(self) -> Job | None:
        """The first that waits, ours from now on."""
        held = self._ledger.claim()
        if held is None:
            return None
        job = record.begun(held.job, self._workshop.holder, self._clock())
        self._held[job.id] = Held(job, held.fence)
        return job if self._change(job.id, lambda job: job) else None

    def image(self, job: Job) -> Path:
        return self._results.get(job.id, INPUT, INPUT)

    def renew(self) -> set[str]:
        """Say that we are alive. Returns ids of jobs that are not ours any more."""
        lost = self._ledger.renew((job_id, held.fence) for job_id, held in self._held.items())
        for job_id in lost:
            del self._held[job_id]
        return lost

    def advance(self, job_id: str, percent: int) -> bool:
        """False: it is not ours any more. What cannot be written down now is no reason to end."""
        try:
            return self._change(job_id, lambda job: record.advanced(job, percent))
        except StoreUnavailable:
            return True

    def deliver(self, job_id: str, made: Path) -> None:
        """All that it became goes to its place. Takes its time, in any thread."""
        held = self._held.get(job_id)
        if held is not None:
            for file in sorted(made.iterdir()):
                self._results.put(job_id, held.fence, file.name, file)

    def complete(self, job_id: str, made: Path) -> bool:
        """What was delivered is the job's. False: it is not ours any more."""
        held = self._held.get(job_id)
        if held is None:
            return False
        nbytes = sum(file.stat().st_size for file in made.iterdir())
        done = partial(record.done, nbytes=nbytes, now=self._clock(), result=held.fence)
        if not self._change(job_id, done):
            self._give_up_files(job_id, held.fence)
            return False
        with suppress(StoreUnavailable, OSError):  # it is completed; the sweep does it too
            for part in self._results.parts(job_id) - {INPUT, held.fence}:
                self._results.remove(job_id, part)
            self._drop_surplus()
        return True

    def fail(self, job_id: str, failure: Failure) -> None:
        held = self._held.get(job_id)
        if held is not None:
            self._change(job_id, lambda job: record.failed(job, failure, self._clock()))
            self._give_up_files(job_id, held.fence)

    def let_go(self, job_id: str) -> None:
        self._change(job_id, record.let_go)

    def tidy(self) -> None:
        """Take over the jobs of servers that died; drop those whose time is up, and files of
        nobody."""
        while expired := self._ledger.expired():
            for held in expired:
                self._ledger.put(record.lost(held.job, self._clock()), held.fence)
        self._drop_surplus()
        self._sweep()

    # Within

    def _image_for(self, new: New) -> Path | None:
        if new.upload is not None:
            return new.upload
        if new.order.input_mime is not None and new.order.remixed_from is not None:
            try:
                image = self._results.get(new.order.remixed_from, INPUT, INPUT)
                self._results.fetch(image)
            except FileNotFoundError:
                raise SourceGone from None
            return image
        return None

    def _change(self, job_id: str, change: Callable[[Job], Job]) -> bool:
        held = self._held.get(job_id)
        if held is None:
            return False
        job = change(held.job)
        ours = self._ledger.put(job, held.fence)
        if ours and job.status is Status.IN_PROGRESS:
            self._held[job_id] = Held(job, held.fence)
        else:
            del self._held[job_id]
        return ours

    def _give_up_files(self, job_id: str, part: str | None = None) -> None:
        with suppress(OSError):  # the sweep does it too
            self._results.remove(job_id, part)

    def _drop_surplus(self) -> None:
        while surplus := self._ledger.surplus():
            for job_id in surplus:
                self.delete(job_id)

    def _sweep(self) -> None:
        """A few at a time. Files are listed before the ledger is asked: what comes in between is
        left alone."""
        some = list(islice(self._sweeping, SWEPT_AT_ONCE))
        if not some and self._clock() - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = self._clock()
            self._sweeping = filter(JOB_ID.fullmatch, self._results.jobs())
            some = list(islice(self._sweeping, SWEPT_AT_ONCE))
        parts = {job_id: self._results.parts(job_id) for job_id in some}
        for job_id, known in self._ledger.known(parts).items():
            if known.job is not None:
                for part in parts[job_id] - {INPUT, known.fence}:
                    self._results.remove(job_id, part)
            elif not known.coming:
                self._results.remove(job_id)
