"""Takes jobs that wait and makes them, as many as the workers have room for.

One task looks for jobs: when it is told of one, and every second for those of other servers. Each
job has a task of its own; to cancel it stops the worker at its next step, whoever does it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from matinee.errors import BadInput, MatineeError, StoreUnavailable, WorkerFailed
from matinee.generation import ModelInfo, State
from matinee.jobs.keeping import Keeping
from matinee.jobs.making import Gone, Handle, JobFailed, Making, in_thread
from matinee.jobs.pace import Pace
from matinee.jobs.record import Failure, Job
from matinee.worker.messages import SegmentJob

logger = logging.getLogger(__name__)

LOOK_EVERY_S, TIDY_EVERY_S = 1.0, 10.0
RETRIES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Between tries to tell of a job that is made, while nobody listens."""


class Workers(Protocol):
    """See `worker.pool.WorkerPool`."""

    @property
    def info(self) -> ModelInfo | None: ...
    def submit(self, job: SegmentJob) -> Handle: ...


Starting = Callable[[Job, Path], Awaitable[State]]
"""From a job with an input, and its file, to what its video starts from. Raises `BadInput`."""


@dataclass(slots=True)
class Crew:
    """`room`: how many jobs there may be at once, now. `threads`: `disk` is the desk's own,
    `encoders` are for the films."""

    desk: Keeping
    workers: Workers
    starting: Starting
    room: Callable[[], int]
    disk: Executor
    encoders: Executor
    pace: Pace = field(default_factory=Pace)
    look_every_s: float = LOOK_EVERY_S
    waiting: int = 0
    """Jobs that waited when it looked last, and those that were made."""
    making: int = 0
    on_counts: Callable[[], None] = lambda: None
    """Called when one of the two has changed."""
    share_percent: int = 0
    """See `JobsConfig`."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to let the crew look at once."""
    job_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(-1, -1))
    """Sessions count upwards."""
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _tidied_at: float = 0.0
    _was_away: bool = False

    async def run(self) -> None:
        """Until it is cancelled; then nothing is made any more."""
        try:
            while True:
                self.news.clear()
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.look_every_s):
                        await self.news.wait()
        finally:
            running = list(self._running.values())
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    async def stop(self, job_id: str) -> None:
        """If it is made here. Its files are gone afterwards."""
        task = self._running.get(job_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _look(self) -> None:
        """A disk or a store that fails is no reason to end: it may be back."""
        try:
            for job_id in await in_thread(self.disk, self.desk.renew):
                await self.stop(job_id)
            await self._tidy()
            while self.workers.info is not None and len(self._running) < self.room():
                job = await in_thread(self.disk, self.desk.claim)
                if job is None:
                    break
                await self.stop(job.id)  # a store that went back in time gives it twice
                self._begin(job)
            self._count(*await in_thread(self.disk, self.desk.counts))
            self._was_away = False
        except StoreUnavailable as error:
            if not self._was_away:
                logger.warning("the list of jobs cannot be reached: %s", error)
            self._was_away = True
        except Exception:
            logger.exception("the list of jobs cannot be read or written")

    def _count(self, waiting: int, making: int) -> None:
        changed = (waiting, making) != (self.waiting, self.making)
        self.waiting, self.making = waiting, making
        if changed:
            self.on_counts()

    async def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._tidied_at >= min(TIDY_EVERY_S, 2 * self.look_every_s):
            self._tidied_at = now
            await in_thread(self.disk, self.desk.tidy)

    def _begin(self, job: Job) -> None:
        task = asyncio.create_task(self._make(job), name=job.id)
        self._running[job.id] = task
        task.add_done_callback(partial(self._ended, job.id))

    def _ended(self, job_id: str, _task: asyncio.Task[None]) -> None:
        del self._running[job_id]
        self.news.set()

    async def _make(self, job: Job) -> None:
        folder = self.desk.making / job.id
        started = time.monotonic()
        try:
            await in_thread(self.disk, folder.mkdir)
            await self._film(job, folder)
            await in_thread(self.encoders, partial(self.desk.deliver, job.id, folder))
            if await self._completed(job.id, folder):
                self.pace.made(job.order, time.monotonic() - started)
        except Gone:
            logger.info("%s was deleted while it was made", job.id)
        except asyncio.CancelledError:
            with suppress(StoreUnavailable):  # then the others wait for the end of its lease
                await in_thread(self.disk, partial(self.desk.let_go, job.id))
            raise
        except Exception as error:  # noqa: BLE001 - the root of a job: whatever it is, it is its end
            await self._fail(job, error)
        finally:
            await in_thread(self.disk, partial(shutil.rmtree, folder, ignore_errors=True))

    async def _completed(self, job_id: str, folder: Path) -> bool:
        """Whether it was ours to the end."""
        for retry_s in RETRIES_S:
            try:
                return await in_thread(self.disk, partial(self.desk.complete, job_id, folder))
            except StoreUnavailable:
                await asyncio.sleep(retry_s)
        return await in_thread(self.disk, partial(self.desk.complete, job_id, folder))

    async def _film(self, job: Job, folder: Path) -> None:
        state = file = None
        if job.order.input_mime is not None:
            file = await in_thread(self.disk, partial(self.desk.image, job))
            await in_thread(self.encoders, partial(self.desk.fetch, file))
            state = await self.starting(job, file)
        segment = SegmentJob(
            *(next(self.job_ids), job.id, job.order.request, state),
            background=True,
            share_percent=self.share_percent,
        )

        async def advance(percent: int) -> bool:
            return await in_thread(self.disk, partial(self.desk.advance, job.id, percent))

        info = self.workers.info
        audio = info.audio if info else None
        before = file if job.order.goes_on else None
        making = Making(job, folder, audio, self.encoders, advance, before)
        await making.run(partial(self.workers.submit, segment))

    async def _fail(self, job: Job, error: Exception) -> None:
        failure = failure_of(error)
        if failure.code == "internal_error":
            logger.exception("%s failed", job.id, exc_info=error)
        else:
            logger.warning("%s failed: %s", job.id, failure.message)
        with suppress(Exception):  # the disk, which may be the reason; `lost` mends it
            await in_thread(self.disk, partial(self.desk.fail, job.id, failure))


def failure_of(error: Exception) -> Failure:
    """For the client: never the text of an error that is not ours."""
    match error:
        case JobFailed():
            return error.failure
        case BadInput():
            return Failure(code="invalid_request", message=str(error))
        case WorkerFailed():
            return Failure(code="no_worker", message="no worker is able to run the model")
        case MatineeError() | OSError():
            message = "the video cannot be written; see the server's log"
            return Failure(code="storage_error", message=message)
        case _:
            return Failure(code="internal_error", message="a mistake of the server's; see its log")
