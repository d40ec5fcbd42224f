"""The router's process: its port, its event loop, the watch over its backends, and a proper end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from hashlib import blake2b
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Any

import uvicorn
import uvloop

from matinee.router.api_server import own_api_server
from matinee.router.app import create_app
from matinee.router.discovery import Discovery
from matinee.router.gate import Gate
from matinee.router.job_forwarding import IMAGES_PATH, VIDEOS_PATH
from matinee.router.reception import Reception
from matinee.router.state_feed import state_feed
from matinee.router.table import Address, Table, Thresholds
from matinee.router.vanished import end_vanished
from matinee.router.watch import Watches
from matinee.serving.access import ControlAccess, is_loopback
from matinee.serving.bearers import Bearers
from matinee.serving.door import Door
from matinee.serving.graceful_server import GracefulServer
from matinee.serving.line_feed import LineFeed
from matinee.serving.listening import bind_for_viewers, url_of
from matinee.serving.short_turns import take_short_turns
from matinee.serving.tasks import stopped
from matinee.serving.tls import Certificate
from matinee.serving.tls_server import TlsServer
from matinee_api.config.router_config import ReplicaConfig, RouterSettings

if TYPE_CHECKING:
    from matinee.router.shared_queue import SharedQueue

logger = logging.getLogger(__name__)


class _Loop(uvloop.Loop):  # type: ignore[misc]
    """uvicorn bounds no TLS handshakes."""

    async def create_server(self, factory: Any, **options: Any) -> asyncio.Server | TlsServer:
        context = options.pop("ssl", None)
        if context is not None:
            return TlsServer(options["sock"], factory, context)
        server: asyncio.Server = await super().create_server(factory, **options)
        return server


def route(
    settings: RouterSettings, token: str | None, on_ready: Callable[[str], None]
) -> signal.Signals | None:
    """Serve until a signal, and return it. `token`: for the control routes, besides those of the
    file. `on_ready` gets the router's URL when it listens.

    Raises `PortUnavailable`, `BadInput` when the file for the token holds none, the certificate
    cannot be used or `kubernetes` is set elsewhere than in a pod, and `ConfigError` when the keys'
    file is wrong.
    """
    file = settings.control_token_file
    control = Bearers(token, Path(file) if file else None)
    gate = Gate(settings, control)
    certificate = _certificate(settings)
    with closing(bind_for_viewers(settings.host, settings.port)) as listening:
        access = ControlAccess(
            token=control.token,
            token_file=control.file,
            private=is_loopback(listening.getsockname()[0]),
            open_metrics=settings.open_metrics,
            metrics_file=Path(settings.metrics_token_file) if settings.metrics_token_file else None,
        )
        access.check("router.control_token_file")
        if gate.open:
            logger.warning("there are no keys: anybody who reaches this router may open sessions")
        with asyncio.Runner(loop_factory=_Loop) as runner:
            serving = _serve(settings, gate, access, listening, certificate, on_ready)
            return runner.run(serving)


async def _serve(
    settings: RouterSettings,
    gate: Gate,
    access: ControlAccess,
    listening: socket,
    certificate: Certificate | None,
    on_ready: Callable[[str], None],
) -> signal.Signals | None:
    take_short_turns()
    table = Table(_thresholds(settings))
    shared = await _looked_at(open_shared(settings))
    reception = Reception(settings, table, gate, shared)
    feed = state_feed(table, reception, gate)
    table.on_change = partial(_tell, reception, feed)
    watches = Watches(table, settings.health_check)
    config = _uvicorn(settings, table, reception, gate, access, feed, certificate)
    server = GracefulServer(config, partial(_shut_down, reception, feed))
    vanishing = asyncio.create_task(end_vanished(reception, table), name="who has vanished")
    beating = asyncio.create_task(reception.heartbeats.run(), name="the heartbeats")
    looking = asyncio.create_task(shared.run(), name="the shared queue") if shared else None
    finding = _find(settings, table, watches)
    url = url_of(listening)
    on_ready(url.replace("http:", "https:", 1) if certificate else url)
    try:
        await server.serve(sockets=[listening])
    finally:
        for each in (finding, vanishing, beating, looking, server.stopping):
            await stopped(each)
        await _let_go(watches, shared)
    return server.told_to_stop


async def _looked_at(shared: SharedQueue | None) -> SharedQueue | None:
    """Once, before anybody comes: their places are of the common order."""
    if shared is not None:
        await shared.look()
    return shared


async def _let_go(watches: Watches, shared: SharedQueue | None) -> None:
    await watches.stop()
    if shared is not None:
        await shared.close()


def open_shared(settings: RouterSettings) -> SharedQueue | None:
    """A server is asked nothing so far. Raises `BadInput`."""
    queue = settings.queue
    if queue.store_url is None:
        return None
    from matinee.router.shared_queue import SharedQueue  # 0.2 s, for those who have one
    from matinee.store.redis_address import Address, Connections

    connections = Connections.to(Address.parsed(queue.store_url, "router.queue.store_url"))
    name = queue.name or _name_of_queue(settings)
    return SharedQueue(connections, name, queue.max_waiting, queue.kept_seconds)


def _name_of_queue(settings: RouterSettings) -> str:
    """From what is behind the router. Raises `BadInput`."""
    found = settings.kubernetes
    if found is None:
        behind = sorted(replica.address for replica in settings.replicas)
    else:
        namespace = own_api_server(found, os.environ).namespace
        behind = [namespace, *sorted(service.name for service in found.services)]
    return blake2b("\n".join(behind).encode(), digest_size=8).hexdigest()


def _tell(reception: Reception, feed: LineFeed) -> None:
    """The table has changed."""
    reception.changed()
    feed.changed()


async def _shut_down(reception: Reception, feed: LineFeed) -> None:
    feed.close()
    await reception.shut_down()


def _find(settings: RouterSettings, table: Table, watches: Watches) -> asyncio.Task[None] | None:
    """Fill the table, once or as long as the task runs. Raises `BadInput`."""
    if settings.kubernetes is None:
        table.set_addresses(map(_address, settings.replicas))
        watches.sync()
        return None
    api_server = own_api_server(settings.kubernetes, os.environ)
    discovery = Discovery(settings.kubernetes, api_server, table, watches.sync)
    return asyncio.create_task(discovery.run(), name="the finding of backends")


def _uvicorn(
    settings: RouterSettings,
    table: Table,
    reception: Reception,
    gate: Gate,
    access: ControlAccess,
    feed: LineFeed,
    certificate: Certificate | None,
) -> uvicorn.Config:
    uploads = dict.fromkeys((VIDEOS_PATH, IMAGES_PATH), settings.upload_bytes)
    door = Door(settings.limits, settings.message_bytes, long_bodies=uploads)
    timeout_s = settings.health_check.timeout_seconds
    return uvicorn.Config(
        create_app(table, reception, gate, access, feed, timeout_s),
        lifespan="off",
        timeout_graceful_shutdown=1,
        ssl_context_factory=(lambda *_: certificate.context) if certificate else None,
        **door.uvicorn_options(reception.viewer),
    )


def _certificate(settings: RouterSettings) -> Certificate | None:
    """Raises `BadInput`."""
    tls = settings.tls
    if tls.cert_file is None or tls.key_file is None:
        return None
    return Certificate(Path(tls.cert_file), Path(tls.key_file), "router.tls")


def _thresholds(settings: RouterSettings) -> Thresholds:
    check = settings.health_check
    return Thresholds(check.failure_threshold, check.recovery_threshold)


def _address(replica: ReplicaConfig) -> Address:
    return Address(
        url=replica.address,
        name=replica.name or replica.address,
        primary=replica.primary,
        weight=replica.weight,
        control_url=(replica.control_url or replica.address).rstrip("/"),
        control_token_file=replica.control_token_file,
        stream_token_file=replica.stream_token_file,
    )
