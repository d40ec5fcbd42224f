"""The server process: its port, its event loop, and an end in which every session is told.

uvicorn would close sockets itself at the first signal; `_Server` lets the sessions end first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import FrameType

import uvicorn

from matinee.errors import MatineeError
from matinee.generation import ModelInfo, check_request, with_defaults
from matinee.server.app import create_app
from matinee.server.doors import Doors, url_of
from matinee.server.lifecycle import Lifecycle
from matinee.server.long_messages import LongMessages
from matinee.server.workers_first import Started
from matinee.serving.access import ControlAccess
from matinee.serving.door import Door
from matinee.serving.tasks import stopped
from matinee.session.reception import offered
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import ServeConfig, ServerConfig
from matinee_api.signals import heeded

logger = logging.getLogger(__name__)


def serve(
    config: ServeConfig,
    doors: Doors,
    name: str,
    admin_token: str | None,
    on_ready: Callable[[str], None],
    workers: Started,
) -> signal.Signals | None:
    """Serve until a signal, and return it. `on_ready` gets the server's URL once it can generate.

    Raises `WorkerFailed` when all workers have failed, at the start or later: whoever started the
    server (a kubelet, systemd, a person) starts it again. Raises `InvalidRequest` when it cannot
    make what is configured as default (every viewer would be refused for it), and `BadInput` when
    the folder for states cannot be written or the file for the control token holds none.
    """
    with closing(doors):
        access = control_access(config.server, doors, admin_token)
        return workers.runner.run(_serve(config, doors, name, access, on_ready, workers.pool))


def control_access(config: ServerConfig, doors: Doors, admin_token: str | None) -> ControlAccess:
    """Raises `BadInput` when the configured file holds no token."""
    file = config.control_token_file
    access = ControlAccess(
        token=admin_token,
        token_file=Path(file) if file else None,
        private=doors.private,
        open_metrics=config.open_metrics,
    )
    access.check()
    return access


def check_defaults(info: ModelInfo, config: ServeConfig) -> None:
    """Raises `InvalidRequest` when the server could not make what it takes as default."""
    info = offered(info, config.streaming.limits, config.default_request)
    check_request(info, with_defaults(info.defaults, "", seed=0))


async def _serve(
    config: ServeConfig,
    doors: Doors,
    name: str,
    access: ControlAccess,
    on_ready: Callable[[str], None],
    pool: WorkerPool,
) -> signal.Signals | None:
    life = Lifecycle(config, name, pool=pool)
    server = _Server(uvicorn_config(config, life, access, doors.control_port), life)
    failure: list[MatineeError] = []

    async def watch() -> None:
        try:
            await _until_failed(life, lambda: on_ready(url_of(doors.public)))
        except MatineeError as error:
            failure.append(error)
            await server.stop()

    watching = asyncio.create_task(watch(), name="the watch over the workers")
    try:
        await server.serve(sockets=doors.sockets)
    finally:
        await stopped(watching)
        await stopped(server.stopping)
    if failure and not server.told_to_stop:
        raise failure[0]
    return server.told_to_stop


async def _until_failed(life: Lifecycle, on_ready: Callable[[], None]) -> None:
    """Raises what `serve` raises of the workers and the defaults, now or later."""
    check_defaults(await life.pool.ready(), life.config)
    on_ready()
    while True:
        await life.failed.wait()
        await life.pool.ready()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, life: Lifecycle) -> None:
        super().__init__(config)
        self.told_to_stop: signal.Signals | None = None
        self._life = life
        self._loop = asyncio.get_running_loop()
        self.stopping: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own captures two signals, also where they are ignored."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in heeded()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal handler. A second signal ends the waiting for sessions: uvicorn
        closes what is open, and the workers are stopped all the same."""
        if self.told_to_stop:
            self.should_exit = True
        else:
            self.told_to_stop = signal.Signals(sig)
            logger.info("%s: ending the sessions", self.told_to_stop.name)
            self._loop.call_soon_threadsafe(self._begin_stop)

    def _begin_stop(self) -> None:
        self.stopping = asyncio.create_task(self.stop(), name="the shutdown")

    async def stop(self) -> None:
        """Tell the sessions, then let `serve` return."""
        try:
            await self._life.shut_down(self._life.config.server.shutdown_grace_seconds)
        finally:
            self.should_exit = True


def _is_ours(record: logging.LogRecord) -> bool:
    """uvicorn logs a traceback for each text frame of a client that is not UTF-8."""
    return not record.getMessage().startswith("Invalid UTF-8 sequence received")


def uvicorn_config(
    config: ServeConfig, life: Lifecycle, access: ControlAccess, control_port: int | None = None
) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_is_ours)
    door = Door(config.server.limits, config.streaming.limits.message_bytes)
    return uvicorn.Config(
        create_app(life, access, control_port),
        lifespan="on",
        timeout_graceful_shutdown=1,
        **door.uvicorn_options(LongMessages),
    )
