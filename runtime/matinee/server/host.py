"""The server process: its port, its event loop, and an end in which every session is told."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import uvicorn

from matinee.errors import MatineeError
from matinee.generation import ModelInfo, check_request, with_defaults
from matinee.server.app import create_app
from matinee.server.doors import Doors
from matinee.server.images import PATH as IMAGES_PATH
from matinee.server.lifecycle import Lifecycle
from matinee.server.long_messages import LongMessages
from matinee.server.videos import PATH as VIDEOS_PATH
from matinee.server.workers_first import Started
from matinee.serving.access import ControlAccess
from matinee.serving.bearers import Bearers
from matinee.serving.door import Door
from matinee.serving.graceful_server import GracefulServer
from matinee.serving.listening import url_of
from matinee.serving.tasks import stopped
from matinee.session.reception import offered
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import ServeConfig, ServerConfig


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
    """Raises `BadInput` when a configured file holds no token."""
    file = config.control_token_file
    access = ControlAccess(
        token=admin_token,
        token_file=Path(file) if file else None,
        private=doors.private,
        open_metrics=config.open_metrics,
    )
    access.check()
    if config.stream_token_file is not None:
        Bearers(file=Path(config.stream_token_file)).check("server.stream_token_file")
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
    server = graceful(config, life, access, doors.control_port)
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


def _is_ours(record: logging.LogRecord) -> bool:
    """uvicorn logs a traceback for each text frame of a client that is not UTF-8."""
    return not record.getMessage().startswith("Invalid UTF-8 sequence received")


def graceful(
    config: ServeConfig, life: Lifecycle, access: ControlAccess, control_port: int | None = None
) -> GracefulServer:
    """The server, which lets sessions end before its sockets."""
    shut_down = partial(life.shut_down, config.server.shutdown_grace_seconds)
    return GracefulServer(uvicorn_config(config, life, access, control_port), shut_down)


def uvicorn_config(
    config: ServeConfig, life: Lifecycle, access: ControlAccess, control_port: int | None = None
) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_is_ours)
    long_bodies = dict.fromkeys((VIDEOS_PATH, IMAGES_PATH), config.jobs.upload_bytes)
    message_bytes = config.streaming.limits.message_bytes
    door = Door(config.server.limits, message_bytes, long_bodies=long_bodies)
    return uvicorn.Config(
        create_app(life, access, control_port),
        lifespan="on",
        timeout_graceful_shutdown=1,
        **door.uvicorn_options(LongMessages),
    )
