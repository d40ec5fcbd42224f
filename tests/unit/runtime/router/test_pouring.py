"""What is poured arrives as it was, whatever the socket takes and becomes of the buffer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from matinee.router.pouring import descriptor_of, pour

PIECE_BYTES, PIECES = 64 * 1024, 24
"""Together more than both sockets hold."""
HELD_BYTES = 64 * 1024
Pair = tuple[asyncio.Transport, asyncio.StreamReader]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A connection's two ends."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD_BYTES)
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, HELD_BYTES)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    reader, writer = await asyncio.open_connection(sock=theirs)
    yield transport, reader
    transport.abort()
    writer.transport.abort()


async def test_what_is_poured_arrives_in_order_though_its_buffer_is_used_again(pair: Pair) -> None:
    transport, reader = pair
    descriptor, buffer = descriptor_of(transport), bytearray(PIECE_BYTES)
    expected = b""
    for number in range(PIECES):
        buffer[:] = bytes([number]) * PIECE_BYTES
        pour(transport, descriptor, [b"begin", memoryview(buffer), b"end"])
        transport.write(b"own words")
        expected += b"begin" + bytes(buffer) + b"end" + b"own words"
    assert transport.get_write_buffer_size() > PIECE_BYTES
    assert await reader.readexactly(len(expected)) == expected


async def test_what_the_socket_takes_is_not_kept(pair: Pair) -> None:
    transport, reader = pair
    pour(transport, descriptor_of(transport), [b"little"])
    assert transport.get_write_buffer_size() == 0
    assert await reader.readexactly(6) == b"little"


async def test_without_a_descriptor_the_transport_sends_it_all(pair: Pair) -> None:
    transport, reader = pair
    pour(transport, None, [b"a ", b"secret"])
    assert await reader.readexactly(8) == b"a secret"


async def test_a_transport_that_closes_is_left_alone(pair: Pair) -> None:
    transport, reader = pair
    descriptor = descriptor_of(transport)
    transport.close()
    pour(transport, descriptor, [b"too late"])
    assert await reader.read() == b""
