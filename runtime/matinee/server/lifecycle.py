"""From start to stop of a server's parts: workers, admission, draining, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from matinee.media.decoding.pool import DecoderPool
from matinee.media.decoding.process import DecodeLimits
from matinee.server.jobs_folder import check_folders, open_jobs
from matinee.server.prompts import prompt_parts, with_writer_known
from matinee.server.stores import name_of, open_store
from matinee.server.workers_first import pool_of
from matinee.serving.admission import Admission
from matinee.serving.byte_budget import ByteBudget
from matinee.serving.line_feed import LineFeed
from matinee.serving.quiet_threads import quiet_threads
from matinee.serving.short_turns import take_short_turns
from matinee.serving.tasks import stopped
from matinee.serving.uncollected import spare_collections_what_stays
from matinee.session.baggage import Unpacker
from matinee.session.effects import CloseCode
from matinee.session.metrics import Metrics
from matinee.session.session_log import LogBounds, SessionLogs
from matinee.session.states import StateStorage
from matinee.session.studio import Studio
from matinee.session.video_opener import VideoOpener
from matinee.wire.server_messages import EndReason
from matinee.worker.backend import TORCH_BACKEND
from matinee.worker.pool import WorkerPool
from matinee.worker.supervisor import WorkerState
from matinee_api.config.runtime_config import LimitsConfig, ServeConfig, StateConfig
from matinee_api.contracts.pod_http import Slots

LAG_PROBE_S = 0.1
GIL_SWITCH_S = 0.0005
"""How long a thread may keep Python's lock from the event loop; Python's own 5 ms are longer than
the loop may be late."""
STATE_THREADS = 2
"""States that are encoded at once, however many sessions end together."""
ALL_FAILED = "no worker is able to run the model"
DRAINING, SHUTTING_DOWN = "this server is draining", "this server is shutting down"
WORKER_STOP_S = 0.5
"""How long a worker may take to leave by itself: it holds nothing that would be lost."""
ENDING_S = 1.0
"""Of the grace at the end, at most half: for the workers, and for connections that are cut off."""


class Viewing(Protocol):
    """A viewer's connection, as the server ends it; see `websocket.Connection`."""

    def drain(self, deadline_s: float) -> None: ...

    def shut_down(
        self, reason: EndReason, code: CloseCode, text: str, *, tells_state: bool
    ) -> None: ...

    async def told(self) -> None: ...

    async def closed(self) -> None: ...


class Lifecycle:
    """Owns the parts of one server. `running` brackets them; `drain` and `shut_down` end.

    `backend`: module that the workers import, see `matinee.worker.backend`. `pool`: the workers,
    where they were started before. Raises `BadInput` when the folder for states cannot be written
    or the store has no address, or a
    provider of prompts no key.
    """

    def __init__(
        self,
        config: ServeConfig,
        name: str,
        backend: str = TORCH_BACKEND,
        pool: WorkerPool | None = None,
    ) -> None:
        check_folders(config)
        self.config = config = with_writer_known(config)
        streaming = config.streaming
        self.store_name = name_of(streaming.state)
        self.draining = self.shutting_down = self.routers_only = False
        self.failed = asyncio.Event()
        """Set while all workers have failed."""
        self.viewers: set[Viewing] = set()
        self.slots_feed = LineFeed(lambda: self.slots().model_dump(mode="json"))
        self.admission = Admission(streaming.max_queue, self._slots_changed)
        self.metrics = Metrics()
        self.pool = pool or pool_of(config, backend)
        self.pool.on_change = lambda _worker: self._workers_changed()
        self._encoders = quiet_threads(os.cpu_count() or 1, "encoder")
        self._state_threads = quiet_threads(STATE_THREADS, "state")
        self._unpacker = open_unpacker(streaming.limits)
        self.studio = self._open_studio(name, streaming.state)
        self.jobs = open_jobs(config, self.pool, self._unpacker, self._workers_for_jobs)
        self.jobs.on_counts = self.slots_feed.changed
        self._restarts_counted = 0
        self._drain_task: asyncio.Task[None] | None = None
        self._workers_changed()  # those of a pool that was started before may be ready already

    def _open_studio(self, name: str, state: StateConfig) -> Studio:
        return Studio(
            name=name,
            pool=self.pool,
            states=StateStorage.over(open_store(state), name, self._state_threads, self.metrics),
            logs=_open_logs(state, self.metrics),
            metrics=self.metrics,
            encoders=self._encoders,
            videos=VideoOpener(self._encoders),
            unpacker=self._unpacker,
            unseated=unseated_budget(self.config.streaming.limits),
            **prompt_parts(self.config.streaming, os.environ, self.metrics.prompts),
        )

    @property
    def ready(self) -> bool:
        """At least one worker can generate and nobody told us to go away."""
        return not self.draining and self.ready_workers > 0

    @property
    def ready_workers(self) -> int:
        return sum(worker.ready for worker in self.pool.health())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        sys.setswitchinterval(GIL_SWITCH_S)
        take_short_turns()
        await self.pool.start()
        await self.jobs.start()
        spare_collections_what_stays()
        probe = asyncio.create_task(self._probe_loop(), name="the probe of the loop's lag")
        late = asyncio.create_task(self.studio.states.late.run(), name="saves that are late")
        try:
            yield
        finally:
            await stopped(probe)
            await stopped(late)
            await stopped(self._drain_task)
            self.slots_feed.close()
            await self.jobs.stop()
            self._unpacker.stop()
            await self.pool.stop(WORKER_STOP_S)
            await self.studio.close()
            self._encoders.shutdown(wait=True, cancel_futures=True)
            self._state_threads.shutdown(wait=True, cancel_futures=True)
            self.studio.logs.close()
            gc.unfreeze()

    @contextmanager
    def serving(self, viewer: Viewing) -> Iterator[None]:
        """A viewer that is told of the server's end."""
        self.viewers.add(viewer)
        try:
            yield
        finally:
            self.viewers.discard(viewer)

    def slots(self) -> Slots:
        """The state that `/v1/slots` streams."""
        admission, pool = self.admission, self.pool
        return Slots(
            worker=self.studio.name,
            model_id=pool.info.model_id if pool.info else None,
            ready=self.ready,
            draining=self.draining,
            total=admission.slots,
            used=admission.taken,
            free=0 if self.draining else admission.free,
            queued=admission.waiting,
            store=self.store_name,
            segment_cap=self.config.streaming.generation_segment_cap,
            routers_only=self.routers_only,
            jobs_waiting=self.jobs.waiting,
            jobs_making=self.jobs.making,
            jobs_store=self.jobs.store_name,
            ts=round(time.time(), 3),
        )

    def set_routers_only(self, routers_only: bool) -> None:
        """Of those who come from now on."""
        self.routers_only = routers_only
        self.slots_feed.changed()

    def drain(self, deadline_s: float, *, tells_state: bool = True) -> None:
        """Take no new session; tell those that run and end them at the deadline, with their state
        unless `tells_state` is off. Idempotent."""
        if self.draining:
            return
        self.draining = True
        self.admission.close(DRAINING)
        for viewer in list(self.viewers):
            viewer.drain(deadline_s)
        self._drain_task = asyncio.create_task(
            self._end_at(deadline_s, tells_state), name="the drain"
        )

    def undrain(self) -> bool:
        """Take new sessions again. Those that run were told of a deadline: it is called off, and
        they play on. Idempotent. False: the server is shutting down, which nothing calls off."""
        if self.shutting_down:
            return False
        if self._drain_task is not None:
            self._drain_task.cancel()
            self._drain_task = None
        self.draining = False
        self.admission.reopen(DRAINING)
        return True

    async def shut_down(self, grace_s: float) -> None:
        """Tell every session and close its socket with 1012. Whatever viewers do, the process ends
        `grace_s` from now."""
        ends_at = asyncio.get_running_loop().time() + grace_s
        ending_s = min(ENDING_S, grace_s / 2)
        self.draining = self.shutting_down = True
        self.admission.close(SHUTTING_DOWN)
        viewers = set(self.viewers)
        for viewer in viewers:
            viewer.shut_down("drained", CloseCode.RESTART, "server_shutdown", tells_state=True)
        self.slots_feed.close()
        told = [viewer.told() for viewer in viewers]
        await _all(ends_at - ending_s, [self.jobs.stop(), *told])
        # Only now, and before the sessions' tasks have ended: a step that is under way may take
        # longer than anybody wants to wait, and those tasks wait for it.
        await self.pool.stop(min(WORKER_STOP_S, ending_s / 2))
        await _all(ends_at - ending_s / 2, [viewer.closed() for viewer in viewers])

    async def _end_at(self, deadline_s: float, tells_state: bool) -> None:
        await asyncio.sleep(deadline_s)
        for viewer in list(self.viewers):
            viewer.shut_down("drained", CloseCode.RESTART, "drained", tells_state=tells_state)

    def _workers_for_jobs(self) -> int:
        return 0 if self.draining else self.ready_workers

    def _workers_changed(self) -> None:
        workers = self.pool.workers
        self.admission.set_slots(self.ready_workers * self.config.streaming.max_sessions)
        restarts = sum(worker.counters.restarts for worker in workers)
        self.metrics.worker_restarts.inc(restarts - self._restarts_counted)
        self._restarts_counted = restarts
        if all(worker.state is WorkerState.FAILED for worker in workers):
            self.failed.set()
            self.admission.close(ALL_FAILED)
        else:
            self.failed.clear()
            self.admission.reopen(ALL_FAILED)

    def _slots_changed(self) -> None:
        admission, metrics = self.admission, self.metrics
        metrics.sessions.set(admission.taken)
        metrics.slots.set(admission.slots)
        metrics.queue.set(admission.waiting)
        self.slots_feed.changed()
        self.jobs.look()

    async def _probe_loop(self) -> None:
        """How late timers run is how long the event loop was kept busy. uvloop's own clock counts
        whole milliseconds."""
        while True:
            due = time.perf_counter() + LAG_PROBE_S
            await asyncio.sleep(LAG_PROBE_S)
            self.metrics.loop_lag.observe(max(0.0, time.perf_counter() - due))


async def _all(until: float, waiting: Iterable[Coroutine[Any, Any, None]]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            await asyncio.gather(*waiting)


def unseated_budget(limits: LimitsConfig) -> ByteBudget:
    return ByteBudget(max(limits.unseated_bytes, 2 * limits.message_bytes))


def open_unpacker(limits: LimitsConfig) -> Unpacker:
    """Nothing is started before it is needed."""
    each = DecodeLimits(limits.decode_memory_bytes, limits.decode_seconds)
    return Unpacker(DecoderPool(each), quiet_threads(limits.decoders, "decoder"))


def _open_logs(state: StateConfig, metrics: Metrics) -> SessionLogs:
    directory = None
    if state.directory is not None and state.session_log:
        directory = Path(state.directory) / "logs"
    bounds = LogBounds(
        state.session_log_ttl_seconds, state.session_log_max_files, state.session_log_max_bytes
    )
    return SessionLogs(directory, bounds, metrics)
