"""Where a server's jobs are, and what makes them: its workers, and its decoders of images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from matinee.generation import State
from matinee.jobs.making import in_thread
from matinee.jobs.picture import PictureFile
from matinee.jobs.places import check_places
from matinee.jobs.record import Job
from matinee.jobs.service import JobService
from matinee.media.reading_back import last_frames
from matinee.server.stores import check_store
from matinee.session.baggage import Unpacker
from matinee.session.reception import offered
from matinee.state.codec import state_of_video
from matinee.store.folder import check_writable
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import ServeConfig


def check_folders(config: ServeConfig) -> None:
    """Raises `BadInput` when a configured folder cannot be written, or a store has no address."""
    check_store(config.streaming.state)
    if config.jobs.enabled:
        check_places(config.jobs)
    if config.jobs.enabled and config.jobs.directory is not None:
        check_writable(Path(config.jobs.directory), "jobs.directory", "name another folder")


def jobs_folder(config: ServeConfig) -> Path | None:
    """None: nothing is configured that would outlive the server, or it is kept elsewhere."""
    if config.jobs.store == "redis":
        return None
    if config.jobs.directory is not None:
        return Path(config.jobs.directory)
    state = config.streaming.state.directory
    return None if state is None else Path(state) / "jobs"


def open_jobs(
    config: ServeConfig, pool: WorkerPool, unpacker: Unpacker, ready_workers: Callable[[], int]
) -> JobService:
    """Nothing is started before `start`. `ready_workers`: those that may be given jobs now."""
    limits = config.streaming.limits

    async def starting(job: Job, file: Path) -> State:
        assert pool.info is not None, "no job is taken before"  # noqa: S101
        info = offered(pool.info, limits, config.default_request)
        if job.order.goes_on:
            last = partial(last_frames, file, info.state_frames)
            return state_of_video(info, await in_thread(unpacker.threads, last))
        return await unpacker.unpack(PictureFile(file, job.order, info, limits))

    return JobService(
        config.jobs,
        jobs_folder(config),
        pool,
        starting,
        room=lambda: config.jobs.at_once * ready_workers(),
        encoders=len(pool.workers),
    )
