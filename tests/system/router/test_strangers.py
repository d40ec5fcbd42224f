"""Whatever strangers do at a router, others hardly wait for it, and no backend is blamed for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from matinee.router.seating import TELL_EVERY_S
from matinee_api.config.router_config import RouterSettings
from tests.system.end_to_end.attacking import (
    ATTACK_S,
    ended_under,
    grace_held,
    hardly_waited,
    waits_s,
)
from tests.system.end_to_end.serving import PATIENCE_S, Server
from tests.system.end_to_end.viewing import messages_of, session
from tests.system.router.routing import backends, routing
from tests.system.router.stub import stub
from tests.system.router.test_placing import name_itself, port_of
from tools.hostile.attackers import under
from tools.hostile.wire import CLOSE, HANDSHAKE, PING, TEXT, frame

MEMORY_BYTES = 160 * 2**20
INIT = frame(TEXT, b'{"type":"session_init_v2"}')
AT_ROUTERS = (
    *("empty pings", "pings whose pongs are never read", "empty continuation frames"),
    *("messages of 99,000 values", "viewers who come and go", "first messages of 47 MiB"),
)
"""Besides those at the door, which is the same as a server's."""


@pytest.mark.parametrize("attack", AT_ROUTERS)
async def test_others_hardly_wait_for_an_attacker(router: Server, attack: str) -> None:
    memory = router.family()[0].memory_info().rss
    await hardly_waited(attack, router)
    assert router.family()[0].memory_info().rss < memory + MEMORY_BYTES
    router.eventually(lambda: router.get("/status").json()["sessions"] == 0)
    assert [one["status"] for one in backends(router).values()] == ["healthy", "healthy"]
    async with session(router) as viewer:
        await viewer.segment("a ball")
        await viewer.end()
    assert viewer.close_code == 1000


async def test_the_grace_holds_whatever_strangers_do(pods: list[Server], tmp_path: Path) -> None:
    grace_s = RouterSettings.model_fields["shutdown_grace_seconds"].default
    attacks = ("pings whose pongs are never read", "viewers who come and go", "pipelined requests")
    with routing(tmp_path, [pod.url for pod in pods]) as router:
        code, took_s = await ended_under(attacks, router)
    assert code == 143
    assert grace_held(grace_s, took_s)
    assert "Traceback" not in router.log.read_text()


async def test_half_a_first_message_keeps_no_connection(tmp_path: Path) -> None:
    with (
        stub(name_itself) as one,
        routing(tmp_path, [one.url], limits={"connections": 8}) as router,
        contextlib.ExitStack() as half_open,
    ):
        for _ in range(8):
            reader, writer = await handshaken(router)
            half_open.callback(writer.close)
            writer.write(frame(PING) + INIT[:-1])
            await reader.readexactly(2)
        async with session(router) as viewer:
            await viewer.hear("here")


async def handshaken(
    router: Server, address: str = "127.0.0.1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket from this address of ours."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", router.port, local_addr=(address, 0)
    )
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_a_backend_that_refuses_a_viewer_is_not_blamed_for_it(tmp_path: Path) -> None:
    with stub(name_itself) as first, stub(name_itself) as second:
        first.refuses, first.status = True, HTTPStatus.FORBIDDEN
        replicas = [{"url": first.url, "primary": True}, {"url": second.url}]
        health = {"interval_seconds": 60, "failure_threshold": 1}
        with routing(tmp_path, replicas, health_check=health) as router:
            async with session(router) as viewer:
                assert (await viewer.hear("here"))["port"] == port_of(second.url)
            known = backends(router)[first.url]
    assert (known["status"], known["consecutive_failures"]) == ("healthy", 0)


async def test_a_viewer_that_does_not_read_is_no_failure_of_its_backend(tmp_path: Path) -> None:
    given_up = threading.Event()

    async def flood(connection: ServerConnection) -> None:
        """Video until nobody reads it; then the end without a word."""
        await connection.recv()
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.5):
                    await connection.send(bytes(2**18))
        connection.transport.abort()
        given_up.set()

    health = {"interval_seconds": 60, "failure_threshold": 1}
    with stub(flood) as one, routing(tmp_path, [one.url], health_check=health) as router:
        reader, writer = await handshaken(router)
        writer.write(INIT)
        assert await asyncio.to_thread(given_up.wait, PATIENCE_S)
        while await reader.read(2**20):
            pass
        writer.close()
        assert backends(router)[one.url]["status"] == "healthy"


async def test_an_address_that_crowds_the_queue_makes_room_for_another(router: Server) -> None:
    """Four slots and two places: six viewers of one address have them all."""
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(session(router)) for _ in range(6)]
        router.eventually(lambda: router.get("/status").json()["queued"] == 2)
        reader, writer = await handshaken(router, "127.0.0.2")
        writer.write(INIT)
        assert b"queue_status" in await reader.readuntil(b"}")
        (error,) = messages_of(await crowd[-1].rest(), "error")
        assert (error["retryable"], crowd[-1].close_reason) == (True, "queue_full")
        writer.write(frame(CLOSE))
        await reader.read()
        writer.close()
    router.eventually(lambda: router.get("/status").json()["queued"] == 0)


async def test_places_are_told_now_and_then_however_many_come_and_go(tmp_path: Path) -> None:
    with stub(name_itself) as one, routing(tmp_path, [one.url]) as router:
        async with session(router) as playing:
            await playing.hear("here")
            one.refuses = True
            async with session(router) as waiting:
                began = time.monotonic()
                await waiting.hear("queue_status")
                with under("viewers who come and go", router.port):
                    until = time.monotonic() + ATTACK_S
                    await waits_s(router.port, lambda: time.monotonic() < until)
                one.refuses = False
                await waiting.hear("here")
                most = 2 + (time.monotonic() - began) / TELL_EVERY_S
    assert len(messages_of(waiting.items, "queue_status")) <= most
