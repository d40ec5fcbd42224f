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
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from matinee.errors import StoreUnavailable
from matinee.jobs.crew import LOOK_EVERY_S, Crew, Starting, Workers
from matinee.jobs.desk import New
from matinee.jobs.keeping import Keeping
from matinee.jobs.ledger import Direction, Placed
from matinee.jobs.making import in_thread
from matinee.jobs.owner import OWNER
from matinee.jobs.pace import Pace
from matinee.jobs.places import keeping_of, store_name
from matinee.jobs.record import Job
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
    """`directory`: of the jobs, or of what this server writes of shared ones; None for a folder
    that goes with the server. `room`: how many jobs there may be at once, now. `encoders`: threads
    for their films."""

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
        self.on_counts: Callable[[], None] = lambda: None
        """Called when `waiting` or `making` has changed."""
        self.store_name: str | None = None
        """The same for all servers that share these jobs; empty: no other one has them; None:
        orders are not taken."""
        self._directory, self._temporary = directory, directory is None
        self._workers, self._starting, self._room = workers, starting, room
        self._encoder_count = encoders
        self._threads: tuple[Executor, ...] = ()
        self._desk: Keeping | None = None
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
            *(desk, self._workers, self._starting, self._room, disk, encoders, self.pace),
            look_every_s=min(LOOK_EVERY_S, self.config.lease_seconds / 4),
            on_counts=self.on_counts,
            share_percent=self.config.share_percent,
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

    @property
    def waiting(self) -> int:
        """Jobs, at all servers that share them, as far as is known."""
        return self._crew.waiting if self._crew else 0

    @property
    def making(self) -> int:
        """The same of those that are made."""
        return self._crew.making if self._crew else 0

    @property
    def _is_alone(self) -> bool:
        return self._temporary and self.config.store == "file"

    # For clients: all raise `JobsUnavailable`, and see the jobs of `OWNER` only

    @property
    def uploads(self) -> Path:
        """A folder for what clients send; what stays in it is gone with the server."""
        return self._opened().making

    async def create(self, new: New) -> Job:
        """Raises `QueueFull`, `QuotaUsedUp`, `KeyReused` too."""
        job = await self._ask(partial(self._opened().create, _owned(new)))
        self.look()
        return job

    async def placed(self, job_id: str) -> Placed | None:
        placed = await self._ask(partial(self._opened().placed, job_id))
        owner = OWNER.get()
        return placed if placed and owner in ("", placed.job.owner) else None

    async def page(self, after: str | None, limit: int, direction: Direction) -> list[Job]:
        """Raises `KeyError` too."""
        return await self._ask(partial(self._opened().page, after, limit, direction, OWNER.get()))

    async def content(self, job_id: str, file: str) -> Path | None:
        """`file`: of a variant, or `PICTURE`."""
        if OWNER.get() and await self.placed(job_id) is None:
            return None
        desk = self._opened()
        path = await self._ask(partial(desk.content, job_id, file))
        if path is not None:
            await self._ask(partial(desk.fetch, path), self._threads[1])
        return path

    async def delete(self, job_id: str) -> bool:
        """A worker that makes it stops at its next step. False: there is none."""
        if OWNER.get() and await self.placed(job_id) is None:
            return False
        found = await self._ask(partial(self._opened().delete, job_id))
        if found and self._crew is not None:
            await self._crew.stop(job_id)
        return found

    async def in_disk_thread(self, call: Callable[[], Result]) -> Result:
        """For what clients send. Raises what the call raises too."""
        self._opened()
        return await self._in_disk_thread(call)

    async def _ask(self, call: Callable[[], Result], threads: Executor | None = None) -> Result:
        try:
            return await in_thread(threads or self._threads[0], call)
        except StoreUnavailable as error:  # the crew tells it, once
            raise JobsUnavailable("the list of jobs cannot be reached now") from error
        except (OSError, sqlite3.Error) as error:
            logger.exception("the list of jobs cannot be read or written")
            raise JobsUnavailable("the list of jobs cannot be read or written now") from error

    async def _in_disk_thread(self, call: Callable[[], Result]) -> Result:
        return await in_thread(self._threads[0], call)

    def _opened(self) -> Keeping:
        if self._desk is None:
            raise JobsUnavailable("the list of jobs is not open")
        return self._desk

    def _open_desk(self) -> Keeping:
        if self._directory is None:
            self._directory = temporary_folder()
        keeping = keeping_of(self.config, self._directory)
        self.store_name = "" if self._is_alone else store_name(self.config, self._directory)
        return keeping

    def _close_desk(self, desk: Keeping) -> None:
        desk.close()
        if self._temporary and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None


def _owned(new: New) -> New:
    """Two owners may have the same idempotency key."""
    owner = OWNER.get()
    if not owner:
        return new
    once = new.once and replace(new.once, key=f"{quote(owner)} {new.once.key}")
    return replace(new, owner=owner, once=once)
