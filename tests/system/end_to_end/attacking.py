"""How long others wait while strangers mean harm, and strangers who say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator

from tools.hostile.attacks import GET


async def waits_s(port: int, goes_on: Callable[[], bool]) -> list[float]:
    """How long `/healthz` takes on fresh connections, one after the other."""
    waits = []
    while goes_on():
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET + b"Connection: close\r\n\r\n")
        answer = await reader.read()
        assert b" 200 " in answer.split(b"\r\n")[0], answer
        writer.close()
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.01)
    return waits


@contextlib.contextmanager
def silent_connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """They connect and say nothing; ended without a goodbye."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    try:
        yield sockets
    finally:
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
