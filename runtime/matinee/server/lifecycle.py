"""From start to stop of a server's parts: workers, admission, draining, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from matinee.server.slots_feed import SlotsFeed
from matinee.serving.admission import Admission
from matinee.session.effects import CloseCode
from matinee.session.metrics import Metrics
from matinee.session.services import Services
from matinee.session.session_log import SessionLogs
from matinee.session.states import StateStorage
from matinee.store import files, memory
from matinee.store.base import Bounds, SessionStore
from matinee.store.files import FileStore
from matinee.store.folder import check_writable
from matinee.store.memory import MemoryStore
from matinee.worker.backend import TORCH_BACKEND
from matinee.worker.pool import WorkerPool
from matinee.worker.supervisor import WorkerState, WorkerSupervisor
from matinee_api.config.runtime_config import ServeConfig, StateConfig

LAG_PROBE_S = 0.1
GIL_SWITCH_S = 0.0005
"""How long a thread may keep Python's lock from the event loop; Python's own 5 ms are longer than
the loop may be late."""
ENCODER_NICENESS = 10
"""Above the process's own: Linux gives the event loop about nine times an encoder's share."""
STATE_THREADS = 2
"""States that are encoded at once, however many sessions end together."""
WORKER_STOP_S = 0.5
"""How long a worker may take to leave by itself: it holds nothing that would be lost."""


class Lifecycle:
    """Owns the `Services` of one server. `running` brackets them; `drain` and `shut_down` end.

    `backend`: module that the workers import, see `matinee.worker.backend`. Raises `BadInput` when
    the configured folder for states cannot be written.
    """

    def __init__(self, config: ServeConfig, name: str, backend: str = TORCH_BACKEND) -> None:
        streaming = config.streaming
        if streaming.state.directory is not None:
            check_writable(Path(streaming.state.directory))
        self.draining = False
        self._config = config
        self._restarts_counted = 0
        self._drain_task: asyncio.Task[None] | None = None
        metrics = Metrics()
        self.slots_feed = SlotsFeed(self.slots)
        self.services = Services(
            name=name,
            config=config,
            pool=WorkerPool(
                config.generator,
                streaming.pool,
                streaming.warmup,
                self._workers_changed,
                backend=backend,
            ),
            admission=Admission(streaming.max_queue, self._slots_changed),
            metrics=metrics,
            states=StateStorage(
                open_store(streaming.state), name, quiet_threads(STATE_THREADS, "state"), metrics
            ),
            logs=SessionLogs(
                _log_directory(streaming.state), streaming.state.session_log_ttl_seconds
            ),
            encoders=quiet_threads(os.cpu_count() or 1, "encoder"),
        )

    @property
    def ready(self) -> bool:
        """At least one worker can generate and nobody told us to go away."""
        return not self.draining and self.ready_workers > 0

    @property
    def ready_workers(self) -> int:
        return sum(worker.ready for worker in self.services.pool.health())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        services = self.services
        sys.setswitchinterval(GIL_SWITCH_S)
        await services.pool.start()
        probe = asyncio.create_task(self._probe_loop())
        try:
            yield
        finally:
            probe.cancel()
            if self._drain_task:
                self._drain_task.cancel()
            self.slots_feed.close()
            await services.pool.stop(WORKER_STOP_S)
            services.encoders.shutdown(wait=True)
            services.states.threads.shutdown(wait=True)
            services.logs.close()

    def slots(self) -> dict[str, object]:
        """The state that `/v1/slots` streams."""
        admission, pool = self.services.admission, self.services.pool
        return {
            "worker": self.services.name,
            "model_id": pool.info.model_id if pool.info else None,
            "ready": self.ready,
            "draining": self.draining,
            "total": admission.slots,
            "used": admission.taken,
            "free": 0 if self.draining else admission.free,
            "queued": admission.waiting,
            "ts": round(time.time(), 3),
        }

    def drain(self, deadline_s: float, *, tells_state: bool = True) -> None:
        """Take no new session; tell those that run and end them at the deadline, with their state
        unless `tells_state` is off. Idempotent."""
        if self.draining:
            return
        self.draining = True
        self.services.admission.close("this server is draining")
        for connection in list(self.services.connections):
            connection.drain(deadline_s)
        self._drain_task = asyncio.create_task(self._end_at(deadline_s, tells_state))

    async def shut_down(self, grace_s: float) -> None:
        """Tell every session, close its socket with 1012, and wait for at most `grace_s`."""
        self.draining = True
        self.services.admission.close("this server is shutting down")
        connections = set(self.services.connections)
        for connection in connections:
            connection.shut_down("drained", CloseCode.RESTART, "server_shutdown", tells_state=True)
        self.slots_feed.close()
        await _all(grace_s, [connection.told() for connection in connections])
        # Only now, and before the sessions' tasks have ended: a step that is under way may take
        # longer than anybody wants to wait, and those tasks wait for it.
        await self.services.pool.stop(WORKER_STOP_S)
        await _all(WORKER_STOP_S, [connection.closed() for connection in connections])

    async def _end_at(self, deadline_s: float, tells_state: bool) -> None:
        await asyncio.sleep(deadline_s)
        for connection in list(self.services.connections):
            connection.shut_down("drained", CloseCode.RESTART, "drained", tells_state=tells_state)

    def _workers_changed(self, _worker: WorkerSupervisor) -> None:
        workers = self.services.pool.workers
        self.services.admission.set_slots(self.ready_workers * self._config.streaming.max_sessions)
        restarts = sum(worker.counters.restarts for worker in workers)
        self.services.metrics.worker_restarts.inc(restarts - self._restarts_counted)
        self._restarts_counted = restarts
        if all(worker.state is WorkerState.FAILED for worker in workers):
            self.services.admission.close("no worker is able to run the model")

    def _slots_changed(self) -> None:
        admission, metrics = self.services.admission, self.services.metrics
        metrics.sessions.set(admission.taken)
        metrics.slots.set(admission.slots)
        metrics.queue.set(admission.waiting)
        self.slots_feed.changed()

    async def _probe_loop(self) -> None:
        """How late timers run is how long the event loop was kept busy. uvloop's own clock counts
        whole milliseconds."""
        while True:
            due = time.perf_counter() + LAG_PROBE_S
            await asyncio.sleep(LAG_PROBE_S)
            self.services.metrics.loop_lag.observe(max(0.0, time.perf_counter() - due))


async def _all(timeout_s: float, waiting: Iterable[Coroutine[Any, Any, None]]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*waiting)


def quiet_threads(count: int, name: str) -> ThreadPoolExecutor:
    """They give way to the event loop's: a picture may be late by a millisecond, but every viewer
    waits for the loop."""
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=_give_way)


def _give_way() -> None:
    thread = threading.get_native_id()
    niceness = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, niceness + ENCODER_NICENESS)


def open_store(state: StateConfig) -> SessionStore:
    if state.store == "file" and state.directory is not None:
        return FileStore(Path(state.directory) / "states", _bounds(state, files.MAX_BYTES))
    return MemoryStore(_bounds(state, memory.MAX_BYTES))


def _bounds(state: StateConfig, max_bytes: int) -> Bounds:
    return Bounds(
        ttl_s=state.ttl_seconds,
        max_states=state.max_states,
        max_bytes=state.max_bytes or max_bytes,
        history_states=state.history_states,
        history_bytes=state.history_bytes,
    )


def _log_directory(state: StateConfig) -> Path | None:
    if state.directory is None or not state.session_log:
        return None
    return Path(state.directory) / "logs"
