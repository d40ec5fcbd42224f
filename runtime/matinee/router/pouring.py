"""Bytes into a connection from where they lie: what its socket takes at once is never copied.

Video goes from one socket to the other through a buffer that all connections share. A transport
would keep a part of that buffer for later, so it only gets a copy of what the socket did not take.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress

SHARED = memoryview(bytearray(256 * 1024))
"""What any connection receives, until it returns to the event loop. A backend's socket hardly holds
more at once."""
Pieces = Sequence[bytes | bytearray | memoryview]


def descriptor_of(transport: asyncio.BaseTransport) -> int | None:
    """Of the socket that takes what is poured; None of TLS, which takes nothing but its own."""
    plain: socket.socket | None = transport.get_extra_info("socket")
    return None if plain is None or transport.get_extra_info("sslcontext") else plain.fileno()


def pour(transport: asyncio.WriteTransport, descriptor: int | None, pieces: Pieces) -> None:
    """Behind what the transport still has. The pieces, a few, may change afterwards."""
    if transport.is_closing():
        return
    sent = 0
    if descriptor is not None and not transport.get_write_buffer_size():
        with suppress(OSError):  # it is full, or broken: then the transport notices it, too
            sent = os.writev(descriptor, pieces)
    for piece in pieces:
        sent -= len(piece)
        if sent < 0:
            transport.write(bytes(memoryview(piece)[sent:]))
            sent = 0
