"""A WebSocket client that sends any bytes at all, and tells the close frame it got.

It is also much quicker than a well-behaved one: frames are masked with zeros unless told otherwise,
and answers are not looked into.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Sequence
from typing import Self

HANDSHAKE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NO_CODE, NO_CLOSE_FRAME = 1005, 1006


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes = bytes(4),
    size: int | None = None,
) -> bytes:
    """A client's frame. `reserved`: the three bits, as a number. `mask`: 4 bytes; none: unmasked.
    `size`: what the header says, if not the truth."""
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    masked = 0x80 if mask else 0
    said = len(payload) if size is None else size
    if said < 126:
        head = struct.pack("!BB", first, masked | said)
    elif said < 65536:
        head = struct.pack("!BBH", first, masked | 126, said)
    else:
        head = struct.pack("!BBQ", first, masked | 127, said)
    return head + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    if not any(mask):
        return payload
    stream = int.from_bytes((mask * (len(payload) // 4 + 1))[: len(payload)])
    return (int.from_bytes(payload) ^ stream).to_bytes(len(payload))


class WireClient:
    """One socket after its handshake. `last_heard`: the last frames, and how reading ended."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._has_more_to_say = True
        self.last_heard: deque[str] = deque(maxlen=4)

    @classmethod
    async def connect(cls, port: int) -> Self:
        """Raises `ConnectionError` when the server does not upgrade."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer:
            writer.transport.abort()
            raise ConnectionError(answer.partition(b"\r\n")[0].decode("latin-1"))
        return cls(reader, writer)

    async def play(self, frames: Sequence[bytes], *, vanish: bool, half_close: bool = False) -> int:
        """Send it all while reading; the close code, unless it vanishes after the last frame.
        `half_close`: say after it that nothing more comes."""
        closing = asyncio.create_task(self._close_code())
        try:
            for data in frames:
                self._writer.write(data)
                await self._writer.drain()
            if half_close:
                self._has_more_to_say = False
                self._writer.write_eof()
        except OSError:
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
                self.last_heard.append(f"{opcode}:{payload[:60]!r}")
                if opcode == CLOSE:
                    if self._has_more_to_say:
                        self._writer.write(frame(CLOSE, payload))
                    return int(struct.unpack_from("!H", payload)[0]) if payload else NO_CODE
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.last_heard.append(repr(error))
            return NO_CLOSE_FRAME

    async def _next(self) -> tuple[int, bytes]:
        first, size = await self._reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(size)
