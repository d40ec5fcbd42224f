"""One job on its way through a worker: events enter, files leave. Runs on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from matinee.generation import AudioFormat, sound_of_frames
from matinee.jobs.film import Film
from matinee.jobs.record import Failure, Job
from matinee.media.i420 import I420Picture
from matinee.worker import messages as worker

Result = TypeVar("Result")


class Gone(Exception):
    """Somebody deleted the job."""


class JobFailed(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(code=code, message=message)


CODES = {
    worker.Cause.REQUEST: "invalid_request",
    worker.Cause.SEGMENT: "generation_failed",
    worker.Cause.DEADLY: "worker_died",
    worker.Cause.NO_WORKER: "no_worker",
}


class Handle(Protocol):
    """See `worker.job.JobHandle`."""

    def __aiter__(self) -> AsyncIterator[worker.JobEvent]: ...
    def abandon(self) -> None: ...
    def pictures(self, event: worker.FramesReady) -> list[I420Picture]: ...
    def release(self, slots: Iterable[int]) -> None: ...


async def in_thread(threads: Executor, call: Callable[[], Result]) -> Result:
    """Its end is waited for even when the task is cancelled: it works with what is the task's."""
    running = asyncio.get_running_loop().run_in_executor(threads, call)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # nobody waits for it any more
        raise


class Making:
    """`advance` writes down the progress in percent, and says whether the job is still there.
    `before`: the video that it goes on from, if it does."""

    def __init__(
        self,
        job: Job,
        folder: Path,
        audio: AudioFormat | None,
        threads: Executor,
        advance: Callable[[int], Awaitable[bool]],
        before: Path | None = None,
    ) -> None:
        self._job, self._folder, self._audio, self._before = job, folder, audio, before
        self._threads, self._advance = threads, advance
        self._percent = job.progress

    async def run(self, submit: Callable[[], Handle]) -> None:
        """All files are in the folder afterwards. Raises `JobFailed`, `Gone`, `CannotWrite` and
        OSError; the worker stops at its next step then, as when this is cancelled."""
        handle = submit() if self._before is None else None
        try:
            film = await in_thread(
                self._threads, partial(Film, self._folder, self._job.order, self._audio)
            )
            try:
                if handle is None:
                    handle = await self._begun(film, submit)
                await self._see_through(handle, film)
            finally:
                await in_thread(self._threads, film.give_up)
        finally:
            if handle is not None:
                handle.abandon()

    async def _begun(self, film: Film, submit: Callable[[], Handle]) -> Handle:
        """Before anything is made: frames that wait take memory that viewers need too."""
        if self._before is not None:
            await in_thread(self._threads, partial(film.begin_with, self._before))
        return submit()

    async def _see_through(self, handle: Handle, film: Film) -> None:
        async for event in handle:
            match event:
                case worker.StepDone():
                    await self._step(event)
                case worker.FramesReady():
                    await self._frames(handle, film, event)
                case worker.SegmentDone():
                    await in_thread(self._threads, film.finish)
                    return
                case worker.SegmentCancelled():
                    raise Gone
                case worker.SegmentFailed(_, message, cause):
                    raise JobFailed(CODES[cause], message)

    async def _step(self, event: worker.StepDone) -> None:
        percent = min(99, 100 * event.step // event.total_steps)
        if percent <= self._percent:
            return
        self._percent = percent
        if not await self._advance(percent):
            raise Gone

    async def _frames(self, handle: Handle, film: Film, event: worker.FramesReady) -> None:
        fps = self._job.order.request.fps
        sounds = sound_of_frames(event.audio, event.first_frame, len(event.slots), fps)
        try:
            take = partial(film.take, handle.pictures(event), sounds)
            await in_thread(self._threads, take)
        finally:
            handle.release(event.slots)
