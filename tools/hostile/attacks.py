"""What strangers do to a server, each for as long as one lets them; who is thrown out comes back.

`ATTACKS` names them; "nobody" is for comparison. They go to 127.0.0.1 only, and come
from an address of their own there, so that bounds for each address are not those of viewers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tools.hostile import crafted
from tools.hostile.wire import CONTINUATION, HANDSHAKE, PING, PONG, TEXT, frame

Act = Callable[[int], Awaitable[None]]
"""Takes the port; one client's attempt, until it is thrown out."""
BACK_S = 0.01
"""From being thrown out to the next attempt."""
DRIP_S = 0.2
"""Between two bytes of a client that is slow on purpose."""
MIB = 2**20
STRANGER = "127.0.0.2"


@dataclass(frozen=True, slots=True)
class Attack:
    """`prepare` makes what is sent; `clients` do it at once."""

    prepare: Callable[[], Act]
    clients: int = 5


async def attack(one: Attack, port: int, on_begin: Callable[[], None]) -> None:
    """Until it is cancelled. `on_begin` is called when all is prepared."""
    act = one.prepare()
    on_begin()
    async with asyncio.TaskGroup() as clients:
        for _ in range(one.clients):
            clients.create_task(_again_and_again(act, port))


async def _again_and_again(act: Act, port: int) -> None:
    while True:
        with contextlib.suppress(OSError, EOFError):
            await act(port)
        await asyncio.sleep(BACK_S)


async def _connected(
    port: int, unread_bytes: int = 64 * 1024
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(
        "127.0.0.1", port, limit=unread_bytes, local_addr=(STRANGER, 0)
    )


async def _flood(opening: bytes, blob: bytes, port: int, *, reads: bool = True) -> None:
    """The same bytes over and over. `reads`: what comes back is read, and thrown away."""
    reader, writer = await _connected(port)
    reading = asyncio.create_task(_read_all(reader)) if reads else None
    try:
        writer.write(opening)
        while not (reading and reading.done()):
            writer.write(blob)
            await writer.drain()
            await asyncio.sleep(0)
    finally:
        if reading:
            reading.cancel()
        writer.transport.abort()


async def _say(message: bytes, port: int) -> None:
    """One message, then wait for what becomes of it."""
    reader, writer = await _connected(port)
    try:
        writer.write(HANDSHAKE)
        for at in range(0, len(message), MIB):
            writer.write(message[at : at + MIB])
            await writer.drain()
        await _read_all(reader)
    finally:
        writer.transport.abort()


async def _come_and_go(message: bytes, port: int) -> None:
    """Ask for a session, and leave as soon as there is any answer."""
    reader, writer = await _connected(port)
    try:
        writer.write(HANDSHAKE + message)
        await reader.readuntil(b"\r\n\r\n")
        await reader.read(1)
    finally:
        writer.transport.abort()


async def _drip(opening: bytes, drop: bytes, port: int) -> None:
    """Never ends what it began; no drop: says nothing at all."""
    reader, writer = await _connected(port)
    reading = asyncio.create_task(_read_all(reader))
    try:
        writer.write(opening)
        while not reading.done():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(DRIP_S)
    finally:
        reading.cancel()
        writer.transport.abort()


async def _hardly_read(request: bytes, port: int) -> None:
    """Ask for what never ends, and take a byte of it now and then."""
    reader, writer = await _connected(port, 1024)
    try:
        writer.write(request)
        while await reader.read(1):  # noqa: ASYNC110 (slow on purpose)
            await asyncio.sleep(DRIP_S)
    finally:
        writer.transport.abort()


async def _read_all(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(MIB):
            pass


def _init(**fields: object) -> bytes:
    text = json.dumps({"type": "session_init_v2", **fields})
    return frame(TEXT, text.encode())


def _text(value: str) -> bytes:
    return frame(TEXT, value.encode())


def _frames(blob: bytes, begun: bytes = b"", *, reads: bool = True) -> Attack:
    return Attack(lambda: partial(_flood, HANDSHAKE + _init() + begun, blob, reads=reads))


def _http(opening: bytes, blob: bytes, *, reads: bool = True) -> Attack:
    return Attack(lambda: partial(_flood, opening, blob, reads=reads))


def _crafted(fields: Callable[[], crafted.Fields], clients: int) -> Attack:
    return Attack(lambda: partial(_say, _init(**fields())), clients)


def _poison() -> Attack:
    """More than the model can make in any time that one would wait."""
    asks = _text(json.dumps({"type": "segment_prompt_source", "prompt": "all of it"}))
    size = {"width": 1024, "height": 1024, "num_frames": 257, "num_inference_steps": 100}
    return Attack(lambda: partial(_say, _init(**size) + asks), 3)


VALUES = _text('{"type":"seed_prompts_updated","x":[' + "1," * 99_000 + "1]}")
DEEP = _text('{"type":"seed_prompts_updated","x":[' + "{}," * 49_000 + "1]}")
FLOODS = {
    "empty pings": _frames(frame(PING) * 20_000),
    "pings whose pongs are never read": _frames(frame(PING, b"x" * 125) * 4000, reads=False),
    "empty pongs": _frames(frame(PONG) * 20_000),
    "empty continuation frames": _frames(
        frame(CONTINUATION, fin=False) * 20_000, frame(TEXT, b"{", fin=False)
    ),
    "continuation frames of a byte": _frames(
        frame(CONTINUATION, b" ", fin=False) * 20_000, frame(TEXT, b"{", fin=False)
    ),
    "small messages": _frames(_text('{"type":"generation_paused_updated","paused":false}') * 5000),
    "unknown messages": _frames(_text('{"type":"x"}') * 8000),
    "snapshots": _frames(_text('{"type":"snapshot_state"}') * 8000),
    "messages of 99,000 values": _frames(VALUES),
    "messages of 49,000 objects": _frames(DEEP),
}
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"POST /v1/drain HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
REQUESTS = {
    "one endless header": _http(GET + b"X: ", b"a" * MIB),
    "endless header lines": _http(GET, b"a: b\r\n" * 170_000),
    "endless URL": _http(b"GET /", b"a" * MIB),
    "endless body": _http(CHUNKED, b"ffff\r\n" + b"a" * 0xFFFF + b"\r\n"),
    "pipelined requests": _http(b"", (GET + b"\r\n") * 5000, reads=False),
}
CONNECTIONS = {
    "silent connections": Attack(lambda: partial(_drip, b"", b""), 400),
    "headers that drip": Attack(lambda: partial(_drip, GET, b"a"), 200),
    "viewers who come and go": Attack(lambda: partial(_come_and_go, _init()), 20),
    "readers of /v1/slots": Attack(
        lambda: partial(_hardly_read, b"GET /v1/slots HTTP/1.1\r\nHost: localhost\r\n\r\n"), 80
    ),
}
FIRST_MESSAGES = {name: _crafted(fields, 8) for name, fields in crafted.CRAFTED.items()}
NOBODY = "nobody"
ATTACKS: dict[str, Attack] = {
    NOBODY: Attack(lambda: partial(_drip, b"", b""), 0),
    **FLOODS,
    **REQUESTS,
    **CONNECTIONS,
    **FIRST_MESSAGES,
    "requests that no worker survives": _poison(),
}
