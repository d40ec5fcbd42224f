"""Keeps one worker process alive and carries jobs to it. Runs on the event loop, without torch.

A task starts a process, watches it until it exits, and starts the next one. What the processes
have in common (jobs under way, the ring and who reads it) is in `job_table`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from enum import Enum

from matinee.errors import WorkerFailed
from matinee.generation import ModelInfo, with_defaults
from matinee.worker.backend import TORCH_BACKEND
from matinee.worker.devices import default_threads, usable_cores, visible_device
from matinee.worker.job import JobHandle
from matinee.worker.job_table import Death, JobTable, WorkerCounters
from matinee.worker.link import WorkerLink
from matinee.worker.messages import (
    Event,
    Ping,
    Pong,
    PromptsRead,
    SegmentJob,
    WorkerReady,
    WorkerUnusable,
)
from matinee.worker.process import WorkerSettings
from matinee.worker.quarantine import Quarantine
from matinee.worker.questions import Questions
from matinee.worker.recovery import (
    FAILED_RETRY_S,
    RESTART_WINDOW_S,
    Ended,
    RestartPolicy,
    Verdict,
    Watchdog,
    exit_reason,
    was_killed,
)
from matinee.worker.ring import FrameRing
from matinee_api.config.runtime_config import GeneratorConfig, PoolConfig, WarmupConfig

logger = logging.getLogger(__name__)


class WorkerState(Enum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


class WorkerSupervisor:
    """`state`, `reason` (why the last process was lost), `info` and `timings_ms` are for reading;
    `on_change` is called after each change of them. `quarantine` is shared by all workers.

    One that has failed is retried every `failed_retry_s`, and fails all jobs until it is ready.
    """

    def __init__(
        self,
        generator: GeneratorConfig,
        pool: PoolConfig,
        warmup: WarmupConfig,
        index: int,
        on_change: Callable[[WorkerSupervisor], None],
        *,
        quarantine: Quarantine,
        backend: str = TORCH_BACKEND,
        clock: Callable[[], float] = time.monotonic,
        failed_retry_s: float = FAILED_RETRY_S,
    ) -> None:
        self.index, self.state = index, WorkerState.STARTING
        self.reason: str | None = None
        self.info: ModelInfo | None = None
        self.timings_ms: dict[str, float] = {}
        self._generator = with_threads(generator, default_threads(usable_cores(), pool.num_workers))
        self._pool, self._warmup, self._backend = pool, warmup, backend
        self._on_change, self._clock = on_change, clock
        self._ring = FrameRing()
        self._quarantine, self._failed_retry_s = quarantine, failed_retry_s
        self._questions, self._table = Questions(), JobTable(self._ring, quarantine, clock)
        self._restarts = RestartPolicy(pool.max_restarts)
        self._tick_s = min(1.0, pool.hang_timeout_seconds / 4)
        self._watchdog = Watchdog(warmup.timeout_seconds, clock())
        self._link: WorkerLink | None = None
        self._task: asyncio.Task[None] | None = None
        self._lost: str | None = None
        self._changed = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Of the process that lives now."""
        link = self._link
        return None if link is None or link.exited.done() else link.pid

    @property
    def jobs(self) -> int:
        """Under way or waiting."""
        return len(self._table)

    @property
    def counters(self) -> WorkerCounters:
        return self._table.counters

    async def start(self) -> None:
        """Returns at once; `ready` waits."""
        self._task = asyncio.create_task(self._keep_alive(), name=f"worker-{self.index}")

    async def ready(self) -> ModelInfo:
        """Raises `WorkerFailed` when the worker has failed."""
        while self.state is not WorkerState.READY or self.info is None:
            self._refuse_when_over()
            self._changed.clear()
            await self._changed.wait()
        return self.info

    async def stop(self, timeout_s: float = 2.0) -> None:
        """The process is gone afterwards, and jobs under way have failed."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._link is not None and not self._link.exited.done():
            # A process that is still loading reads no commands.
            await self._link.stop(timeout_s if self.state is WorkerState.READY else 0.0)
        self._table.give_up("the worker was stopped")
        self._ring.close()
        self._change(WorkerState.STOPPED)

    def submit(self, job: SegmentJob) -> JobHandle:
        """Waits for the worker when that is starting. Raises `WorkerFailed` when it has failed."""
        self._refuse_when_over()
        if not self._table:
            self._watchdog.sign_of_life(self._clock())  # its silence so far was idleness
        return self._table.submit(job)

    async def characters_read(self, prompts: tuple[str, ...]) -> tuple[int, ...] | None:
        """Of each prompt; None when the worker is not able to say it now."""
        if self.state is not WorkerState.READY or self._link is None:
            return None
        return await self._questions.ask(self._link.send, prompts)

    def _refuse_when_over(self) -> None:
        if self.state in (WorkerState.FAILED, WorkerState.STOPPED):
            raise WorkerFailed(self.reason or "the worker was stopped")

    # One process after the other

    async def _keep_alive(self) -> None:
        while True:
            ended = await self._run_process()
            delay_s = self._restarts.delay_s(ended, self._clock())
            if delay_s is None:
                self._fail(ended)
            else:
                self.counters.restarts += ended in (Ended.LOST, Ended.AT_WORK)
                self._change(WorkerState.RESTARTING)
            await asyncio.sleep(self._failed_retry_s if delay_s is None else delay_s)

    def _fail(self, ended: Ended) -> None:
        if ended is Ended.LOST:
            self.reason = (
                f"{self.reason}; it failed {self._pool.max_restarts + 1} times within "
                f"{RESTART_WINDOW_S / 60:.0f} minutes"
            )
        logger.error("worker %d: %s", self.index, self.reason)
        self._table.give_up(self.reason or "the worker failed")
        self._change(WorkerState.FAILED)

    async def _run_process(self) -> Ended:
        """One process from start to exit."""
        self._lost, self._retryable = None, True
        try:
            self._ring.open()
            link = self._link = WorkerLink(self._settings(), self._ring, self._on_event)
        except OSError as error:
            self.reason = f"the worker process could not be started: {error.strerror}"
            logger.warning("worker %d: %s", self.index, self.reason)
            return Ended.NOT_STARTED
        await self._see_through(link)
        exit_code = link.exited.result()
        self.reason = self._lost or exit_reason(exit_code)
        logger.warning("worker %d: %s", self.index, self.reason)
        by_itself = self._lost is not None or not was_killed(exit_code)
        self._questions.lost()
        at_work = self._table.process_died(Death.BY_ITSELF if by_itself else Death.FROM_OUTSIDE)
        if link.pid is None:
            return Ended.NOT_STARTED
        if not self._retryable:
            return Ended.UNUSABLE
        return Ended.AT_WORK if at_work else Ended.LOST

    async def _see_through(self, link: WorkerLink) -> None:
        self._watchdog = Watchdog(self._warmup.timeout_seconds, self._clock())
        self._table.process_started(link.send)
        link.start()
        while not link.exited.done():
            await asyncio.wait([link.exited], timeout=self._tick_s)
            self._watch(link)

    def _settings(self) -> WorkerSettings:
        device = visible_device(os.environ.get("CUDA_VISIBLE_DEVICES"), self.index)
        return WorkerSettings(
            generator=self._generator,
            warmup=self._warmup,
            backend=self._backend,
            parent_pid=os.getpid(),
            visible_device="" if self._generator.engine.device == "cpu" else device,
            free_slots=self._table.free_slots(),
        )

    def _watch(self, link: WorkerLink) -> None:
        match self._watchdog.verdict(self._clock()):
            case Verdict.PING:
                link.send(Ping())
            case Verdict.HUNG:
                self._lost = f"the worker gave no sign of life for {self._watchdog.timeout_s:g} s"
                link.kill()
            case Verdict.FINE:
                pass

    def _on_event(self, event: Event) -> None:
        self._watchdog.sign_of_life(self._clock())
        match event:
            case WorkerReady(info, timings_ms):
                self.info, self.timings_ms = info, timings_ms
                self._watchdog = Watchdog(self._pool.hang_timeout_seconds, self._clock())
                self._quarantine.window_frames = info.chunk_frames
                if self._warmup.enabled:
                    self._quarantine.made(with_defaults(info.defaults, self._warmup.prompt, seed=0))
                self._table.process_ready()
                self._change(WorkerState.READY)
            case WorkerUnusable(message, retryable):
                self._lost, self._retryable = message, retryable
            case PromptsRead():
                self._questions.take(event)
            case Pong():
                pass
            case _:
                self._table.take(event)

    def _change(self, state: WorkerState) -> None:
        self.state = state
        self._changed.set()
        self._on_change(self)


def with_threads(generator: GeneratorConfig, threads: int) -> GeneratorConfig:
    """Workers that each took all the cores would only slow each other down."""
    engine = generator.engine
    if engine.cpu_threads is not None:
        return generator
    return generator.model_copy(
        update={"engine": engine.model_copy(update={"cpu_threads": threads})}
    )
