"""A WebSocket client that sends any bytes at all, and tells the close frame it got.

It is also much quicker than a well-behaved one: frames are masked with zeros and answers are not
looked into.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import Self

HANDSHAKE = (
    "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
NO_CODE, NO_CLOSE_FRAME = 1005, 1006


def frame(opcode: int, payload: bytes, *, fin: bool = True, reserved: int = 0) -> bytes:
    """A client's frame, with a mask of zeros."""
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


class WireLevelClient:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> Self:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer
        return cls(reader, writer)

    async def play(self, frames: Sequence[bytes], *, vanish: bool) -> int:
        """Send it all while reading; the close code, unless it vanishes after the last frame."""
        closing = asyncio.create_task(self._close_code())
        try:
            for data in frames:
                self._writer.write(data)
                await self._writer.drain()
        except ConnectionError:
            pass  # it has closed already; the reader knows the code
        if vanish:
            closing.cancel()
            return NO_CLOSE_FRAME
        return await closing

    def abort(self) -> None:
        self._writer.transport.abort()

    async def _close_code(self) -> int:
        try:
            while True:
                opcode, payload = await self._next()
                if opcode == CLOSE:
                    self._writer.write(frame(CLOSE, payload))
                    return int(struct.unpack_from("!H", payload)[0]) if payload else NO_CODE
        except (asyncio.IncompleteReadError, ConnectionError):
            return NO_CLOSE_FRAME

    async def _next(self) -> tuple[int, bytes]:
        first, size = await self._reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(size)
