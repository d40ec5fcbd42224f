"""What goes through a splice, and what does not: frames, pings, closes, floods, silence."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.system.end_to_end.serving import PATIENCE_S, Server
from tests.system.router.routing import routing
from tests.system.router.stub import Behaviour, Stub, stub

MESSAGE_BYTES = 3 * 2**20
HEAR_S = 30.0
MOST_HIDDEN_BYTES = 1_500_000
"""Video that a viewer who reads nothing takes, on all of the way: 4 s of 3 Mbit/s. How much the
kernel holds differs with how busy the machine is: 1.18 MB mostly, and 1.25 MB were seen."""


@contextmanager
def routed(folder: Path, behaviour: Behaviour) -> Iterator[tuple[Server, Stub]]:
    """One stub behind a router."""
    with (
        stub(behaviour, compression="deflate") as backend,
        routing(folder, [backend.url], message_bytes=MESSAGE_BYTES) as server,
    ):
        yield server, backend


@asynccontextmanager
async def viewer(router: Server, **options: Any) -> AsyncIterator[ClientConnection]:
    address = router.url.replace("http:", "ws:") + "/v1/stream?from=here"
    async with connect(
        address, max_size=None, ping_interval=None, open_timeout=PATIENCE_S, **options
    ) as connection:
        yield connection


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Stub]]:
    """What is said comes back."""
    with routed(tmp_path_factory.mktemp("echoing"), echo) as both:
        yield both


async def test_messages_of_every_size_pass_both_ways_as_they_are(
    echoing: tuple[Server, Stub],
) -> None:
    async with viewer(echoing[0]) as socket:
        for size in (0, 1, 125, 126, 65535, 65536, 2**20 - 1, 2**20 + 1, MESSAGE_BYTES):
            payload = os.urandom(size)
            await socket.send(payload)
            assert await socket.recv() == payload
        await socket.send("text: ☃")
        assert await socket.recv() == "text: ☃"
        await socket.send([b"in ", b"three ", b"parts"])
        assert await socket.recv() == b"in three parts"
        async with asyncio.timeout(PATIENCE_S):
            await (await socket.ping(b"are you there?"))
    request = echoing[1].requests[-1]
    assert request.path == "/v1/stream?from=here"
    assert request.headers["matinee-queue"] == "elsewhere"
    assert request.headers["x-forwarded-for"] == "127.0.0.1"
    assert "sec-websocket-extensions" not in request.headers
    assert "sec-websocket-extensions" not in socket.response.headers  # type: ignore[union-attr]


async def test_close_codes_pass_both_ways(tmp_path: Path) -> None:
    heard: Queue[int | None] = Queue()

    async def close_or_wait(connection: ServerConnection) -> None:
        if await connection.recv() == "close":
            await connection.close(4321, "because")
        else:
            await connection.send("placed")
        await connection.wait_closed()
        heard.put(connection.close_code)

    with routed(tmp_path, close_or_wait) as (router, _):
        async with viewer(router) as socket:
            await socket.send("close")
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (4321, "because")
            assert await asyncio.to_thread(heard.get, timeout=HEAR_S) == 4321
        async with viewer(router) as socket:
            await socket.send("wait")
            assert await socket.recv() == "placed"
            await socket.close(4567, "enough")
            assert socket.close_code == 4567
            assert await asyncio.to_thread(heard.get, timeout=HEAR_S) == 4567
        async with viewer(router) as socket:
            await socket.send("wait")
            assert await socket.recv() == "placed"
            socket.transport.abort()
            assert await asyncio.to_thread(heard.get, timeout=HEAR_S) == 1006


async def test_a_lost_backend_is_told_between_two_frames(tmp_path: Path) -> None:
    half = Frame(Opcode.BINARY, bytes(1000)).serialize(mask=False)[:500]
    part = Frame(Opcode.TEXT, b"more of this message", fin=False).serialize(mask=False)
    rest = Frame(Opcode.CONT, bytes(1000)).serialize(mask=False)[:500]

    async def die(connection: ServerConnection) -> None:
        said = await connection.recv()
        await connection.send(b"whole")
        connection.transport.write(half if said == "begin" else part + rest)
        await connection.recv()
        connection.transport.abort()

    with routed(tmp_path, die) as (router, _):
        async with viewer(router) as socket:
            await socket.send("begin")
            assert await socket.recv() == b"whole"
            await socket.send("die")
            assert '"worker_failed"' in str(await socket.recv())
            assert '"ltx2_stream_complete"' in str(await socket.recv())
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (1011, "backend_lost")
            assert router.metric("matinee_router_lost_total") == 1
        async with viewer(router) as socket:  # no message may stand within another one
            await socket.send("begin a long one")
            assert await socket.recv() == b"whole"
            await socket.send("die")
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (1011, "backend_lost")


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        (Frame(Opcode.PING, b"").serialize(mask=True) * 600, 1008, "too many frames"),
        (Frame(Opcode.TEXT, b"").serialize(mask=True, ) * 600, 1008, "too many frames"),
        (Frame(Opcode.TEXT, b"bare").serialize(mask=False), 1002, "not a valid frame"),
        (bytes([0x82, 0xFF]) + (MESSAGE_BYTES + 1).to_bytes(8) + b"mask", 1009, "may have 3145728"),
    ],
)  # fmt: skip
async def test_a_client_out_of_bounds_is_closed_with_the_reason(
    sent: bytes, code: int, reason: str, echoing: tuple[Server, Stub]
) -> None:
    async with viewer(echoing[0]) as socket:
        await socket.send("begin")
        assert await socket.recv() == "begin"
        socket.transport.write(sent)
        with suppress(ConnectionClosed):
            async for _ in socket:
                continue
    assert socket.close_code == code
    assert reason in (socket.close_reason or "")
    assert echoing[0].get("/healthz").status_code == 200


async def test_a_viewer_that_reads_nothing_holds_little_and_loses_nothing(tmp_path: Path) -> None:
    piece, total = os.urandom(64 * 1024), 40 * 2**20
    sent = 0

    async def flood(connection: ServerConnection) -> None:
        nonlocal sent
        await connection.recv()
        while sent < total:
            await connection.send(piece)
            sent += len(piece)
        await connection.close()

    with routed(tmp_path, flood) as (router, _):
        memory = psutil.Process(router.process.pid).memory_info
        before = memory().rss
        plain = socket.create_connection((router.host, router.port))
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        async with viewer(router, sock=plain, compression=None, max_queue=1) as reader:
            await reader.send("begin")
            accepted = await _settled(lambda: sent)
            assert accepted < MOST_HIDDEN_BYTES
            assert memory().rss - before < 4 * 2**20
            digest, count = hashlib.sha256(), 0
            async for message in reader:
                digest.update(message)  # type: ignore[arg-type]
                count += 1
    assert count == total // len(piece)
    assert digest.digest() == hashlib.sha256(piece * count).digest()


async def _settled(value: Any) -> int:
    """When it changes no more between two turns of a tenth of a second."""
    last = -1
    while last != (now := int(value())) or now == 0:
        last = now
        await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=0.1)
    return last
