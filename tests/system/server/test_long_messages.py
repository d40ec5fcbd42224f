from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import websockets
from starlette.websockets import WebSocket, WebSocketDisconnect

from matinee.server.long_messages import LongMessages, send_frame
from matinee.serving.door import Door
from matinee.serving.listening import bind
from matinee_api.config.connection_limits import ConnectionLimits

Talk = Callable[[WebSocket], Awaitable[None]]
PARTS = tuple(b"%d" % number * 40_000 for number in range(10))
TEXT = b"".join(PARTS).decode()


@asynccontextmanager
async def serving(talk: Talk, *, ours: bool = True) -> AsyncIterator[str]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await talk(socket)

    with bind("127.0.0.1", 0) as listening:
        options: dict[str, Any] = {"ws": "websockets-sansio", "log_config": None}
        if ours:
            options = Door(ConnectionLimits(), 2**20).uvicorn_options(LongMessages)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", **options))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            await task


async def heard(url: str) -> list[str | bytes]:
    async with websockets.connect(url, max_size=None) as client:
        return [message async for message in client]


async def talk(socket: WebSocket) -> None:
    for frame in ("short", PARTS, b"binary", (b"in one part",), "last"):
        await send_frame(socket, frame)
    await socket.close()


@pytest.mark.parametrize("ours", [True, False])
async def test_a_message_in_parts_is_one_message_for_its_client(ours: bool) -> None:
    async with serving(talk, ours=ours) as url:
        assert await heard(url) == ["short", TEXT, b"binary", "in one part", "last"]


async def test_a_long_message_is_sent_in_fragments() -> None:
    async with serving(talk) as url, websockets.connect(url, max_size=None) as client:
        assert await client.recv() == "short"
        fragments = [one async for one in client.recv_streaming()]
        assert len(fragments) == len(PARTS)


async def test_others_get_their_turn_between_the_parts() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def counted(socket: WebSocket) -> None:
        counting = asyncio.create_task(count())
        await asyncio.sleep(0)
        before = turns
        await send_frame(socket, PARTS)
        counting.cancel()
        assert turns - before >= len(PARTS)
        await socket.close()

    async with serving(counted) as url:
        assert await heard(url) == [TEXT]


async def test_a_message_whose_sender_was_cancelled_is_finished() -> None:
    """As for a viewer who does not read what waits at the end."""

    async def cut_off(socket: WebSocket) -> None:
        sending = asyncio.create_task(send_frame(socket, (b"x" * 2**24, *PARTS)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await send_frame(socket, "last")
        await socket.close()

    async with serving(cut_off) as url:
        assert await heard(url) == ["x" * 2**24 + TEXT, "last"]


async def test_a_client_that_leaves_within_a_message_is_a_disconnect() -> None:
    ended: list[Exception] = []
    over = asyncio.Event()

    async def endless(socket: WebSocket) -> None:
        try:
            await send_frame(socket, (b"x" * 2**16,) * 10_000)
        except WebSocketDisconnect as error:
            ended.append(error)
        over.set()

    async with serving(endless) as url:
        client = await websockets.connect(url, max_size=None)
        async for _ in client.recv_streaming():
            break
        client.transport.abort()
        async with asyncio.timeout(60):
            await over.wait()
    assert len(ended) == 1
