"""All the workers of a server: which one takes a session, and how they are.

A session joins the worker that has the fewest and stays there, so that clients see one GPU and
sessions spread evenly. Its state travels with each job, so any other worker can take it over.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from matinee.errors import WorkerFailed
from matinee.generation import ModelInfo
from matinee.worker.backend import TORCH_BACKEND
from matinee.worker.devices import check_workers, gpus_present
from matinee.worker.job import JobHandle
from matinee.worker.messages import SegmentJob
from matinee.worker.quarantine import Quarantine
from matinee.worker.supervisor import WorkerState, WorkerSupervisor
from matinee_api.config.runtime_config import GeneratorConfig, PoolConfig, WarmupConfig


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """One GPU in /status and /readyz."""

    gpu_id: int
    state: str
    ready: bool
    process_alive: bool
    client_count: int
    current_model_id: str | None
    warmup_success: bool
    warmup_error: str | None
    warmup_timings: dict[str, float]
    restarts: int


class WorkerPool:
    """`on_change` is called after each change of a worker's state; the server that takes over a
    pool puts its own there. Raises `BadInput` when there are GPUs, but not one for each worker."""

    def __init__(
        self,
        generator: GeneratorConfig,
        pool: PoolConfig,
        warmup: WarmupConfig,
        on_change: Callable[[WorkerSupervisor], None] = lambda _worker: None,
        *,
        backend: str = TORCH_BACKEND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        gpus = gpus_present(os.environ.get("CUDA_VISIBLE_DEVICES"))
        check_workers(pool.num_workers, generator.engine.device, gpus)
        self.on_change = on_change
        quarantine = Quarantine()
        self.workers = tuple(
            WorkerSupervisor(
                generator,
                pool,
                warmup,
                index,
                self._changed,
                quarantine=quarantine,
                backend=backend,
                clock=clock,
            )
            for index in range(pool.num_workers)
        )
        self._started = False
        self._worker_of: dict[str, WorkerSupervisor] = {}

    @property
    def info(self) -> ModelInfo | None:
        """The model's rules; None until a worker has loaded it."""
        return next((worker.info for worker in self.workers if worker.info is not None), None)

    async def start(self) -> None:
        """Returns when the processes are on their way; `ready` waits. Once is enough."""
        if self._started:
            return
        self._started = True
        for worker in self.workers:
            await worker.start()
        await asyncio.sleep(0)  # each worker's task takes its first step

    async def ready(self) -> ModelInfo:
        """When one worker is, because it can serve; raises `WorkerFailed` when all have failed."""
        waiting = {asyncio.create_task(worker.ready()) for worker in self.workers}
        try:
            while True:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                ready = [task for task in done if task.exception() is None]
                if ready or not waiting:
                    return (ready or [*done])[0].result()
        finally:
            for task in waiting:
                task.cancel()

    async def stop(self, timeout_s: float = 2.0) -> None:
        await asyncio.gather(*(worker.stop(timeout_s) for worker in self.workers))

    def join(self, session_id: str) -> WorkerSupervisor:
        """The session's worker: as before while that one works, else the one with the fewest
        sessions. Raises `WorkerFailed` when there is none."""
        worker = self._worker_of.get(session_id)
        if worker is None or not _usable(worker):
            worker = self._worker_of[session_id] = self._least_burdened()
        return worker

    def leave(self, session_id: str) -> None:
        self._worker_of.pop(session_id, None)

    def submit(self, job: SegmentJob) -> JobHandle:
        """To the worker of the job's session, which joins one when it has not; a job in the
        background joins none. Raises as `join` does."""
        worker = self._least_burdened() if job.background else self.join(job.session_id)
        return worker.submit(job)

    async def characters_read(
        self, session_id: str, prompts: tuple[str, ...]
    ) -> tuple[int, ...] | None:
        """Of each prompt, by the session's worker; None when it is not able to say it now. Raises
        as `join` does."""
        return await self.join(session_id).characters_read(prompts)

    def health(self) -> tuple[WorkerHealth, ...]:
        return tuple(self._health_of(worker) for worker in self.workers)

    def _least_burdened(self) -> WorkerSupervisor:
        usable = [worker for worker in self.workers if _usable(worker)]
        if not usable:
            raise WorkerFailed(self.workers[0].reason or "no worker can generate")
        return min(usable, key=self._burden)

    def _changed(self, worker: WorkerSupervisor) -> None:
        self.on_change(worker)

    def _burden(self, worker: WorkerSupervisor) -> tuple[bool, int, int, int]:
        return (
            worker.state is not WorkerState.READY,
            self._clients_of(worker),
            worker.jobs,
            worker.index,
        )

    def _clients_of(self, worker: WorkerSupervisor) -> int:
        return sum(joined is worker for joined in self._worker_of.values())

    def _health_of(self, worker: WorkerSupervisor) -> WorkerHealth:
        ready = worker.state is WorkerState.READY
        return WorkerHealth(
            gpu_id=worker.index,
            state=worker.state.value,
            ready=ready,
            process_alive=worker.pid is not None,
            client_count=self._clients_of(worker),
            current_model_id=worker.info.model_id if worker.info else None,
            warmup_success=ready and "warmup_total" in worker.timings_ms,
            warmup_error=None if ready else worker.reason,
            warmup_timings=dict(worker.timings_ms),
            restarts=worker.counters.restarts,
        )


def _usable(worker: WorkerSupervisor) -> bool:
    return worker.state not in (WorkerState.FAILED, WorkerState.STOPPED)
