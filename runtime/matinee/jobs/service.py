"""Jobs as a server has them: orders enter, jobs and their files leave. Runs on the event loop; the
disk has a thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TypeVar

from matinee.jobs.crew import Crew, Starting, Workers
from matinee.jobs.desk import Desk, New
from matinee.jobs.ledger import Direction, Placed
from matinee.jobs.making import in_thread
from matinee.jobs.pace import Pace
from matinee.jobs.record import Job
from matinee.jobs.retention import Bounds
from matinee.jobs.temporary import temporary_folder
from matinee.serving.byte_budget import ByteBudget
from matinee.serving.quiet_threads import quiet_threads
from matinee.serving.tasks import stopped
from matinee_api.config.jobs_config import JobsConfig

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class JobsUnavailable(Exception):
    """The list of jobs cannot be read or written now; the message says what a client may know."""


class JobService:
    """`directory`: None for a folder that goes with the server. `room`: how many jobs there may be
    at once, now. `encoders`: threads for their films."""

    def __init__(
        self,
        config: JobsConfig,
        directory: Path | None,
        workers: Workers,
        starting: Starting,
        room: Callable[[], int],
        encoders: int,
    ) -> None:
        self.config = config
        self.pace = Pace()
        self.unfinished = ByteBudget(config.unfinished_bytes)
        """What clients are sending."""
        self._directory, self._temporary = directory, directory is None
        self._workers, self._starting, self._room = workers, starting, room
        self._encoder_count = encoders
        self._threads: tuple[Executor, ...] = ()
        self._desk: Desk | None = None
        self._crew: Crew | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        """Of who starts or stops: a server may be told to end while it starts."""
        self._over = False

    async def start(self) -> None:
        """Nothing after `stop`. A disk that fails is logged, and orders are refused; sessions need
        none of this."""
        async with self._turn:
            if self.config.enabled and not self._over:
                await self._start()

    async def _start(self) -> None:
        disk, encoders = quiet_threads(1, "jobs"), quiet_threads(self._encoder_count, "film")
        self._threads = (disk, encoders)
        try:
            desk = self._desk = await in_thread(disk, self._open_desk)
        except (OSError, sqlite3.Error):
            logger.exception("jobs are not available: their folder cannot be used")
            return
        self._crew = Crew(
            desk, self._workers, self._starting, self._room, disk, encoders, self.pace
        )
        self._task = asyncio.create_task(self._crew.run(), name="the crew that makes jobs")

    async def stop(self) -> None:
        """What is being made waits for the next server. Waits for a start, or another stop, that is
        under way; a second time changes nothing."""
        self._over = True
        async with self._turn:
            self._crew = None
            await stopped(self._task)
            desk, self._desk = self._desk, None
            if desk is not None:
                await self._in_disk_thread(partial(self._close_desk, desk))
            for threads in self._threads:
                threads.shutdown(wait=True)
            self._threads = ()

    def look(self) -> None:
        """There may be room, or a job."""
        if self._crew is not None:
            self._crew.news.set()

    # For clients: all raise `JobsUnavailable`

    @property
    def uploads(self) -> Path:
        """A folder for what clients send; what stays in it is gone with the server."""
        return self._opened().workshop.making

    async def create(self, new: New) -> Job:
        """Raises `QueueFull`, `KeyReused` too."""
        job = await self._ask(partial(self._opened().create, new))
        self.look()
        return job

    async def placed(self, job_id: str) -> Placed | None:
        return await self._ask(partial(self._opened().ledger.placed, job_id))

    async def page(self, after: str | None, limit: int, direction: Direction) -> list[Job]:
        """Raises `KeyError` too."""
        return await self._ask(partial(self._opened().ledger.page, after, limit, direction))

    async def content(self, job_id: str, file: str) -> Path | None:
        """`file`: of a variant, or `PICTURE`."""
        return await self._ask(partial(self._opened().content, job_id, file))

    async def delete(self, job_id: str) -> bool:
        """A worker that makes it stops at its next step. False: there is none."""
        found = await self._ask(partial(self._opened().delete, job_id))
        if found and self._crew is not None:
            await self._crew.stop(job_id)
        return found

    async def in_disk_thread(self, call: Callable[[], Result]) -> Result:
        """For what clients send. Raises what the call raises too."""
        self._opened()
        return await self._in_disk_thread(call)

    async def _ask(self, call: Callable[[], Result]) -> Result:
        try:
            return await self._in_disk_thread(call)
        except (OSError, sqlite3.Error) as error:
            logger.exception("the list of jobs cannot be read or written")
            raise JobsUnavailable("the list of jobs cannot be read or written now") from error

    async def _in_disk_thread(self, call: Callable[[], Result]) -> Result:
        return await in_thread(self._threads[0], call)

    def _opened(self) -> Desk:
        if self._desk is None:
            raise JobsUnavailable("the list of jobs is not open")
        return self._desk

    def _open_desk(self) -> Desk:
        if self._directory is None:
            self._directory = temporary_folder()
        config = self.config
        bounds = Bounds(config.ttl_seconds, config.max_jobs, config.max_bytes)
        return Desk(self._directory, bounds, config.max_queued)

    def _close_desk(self, desk: Desk) -> None:
        desk.close()
        if self._temporary and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
