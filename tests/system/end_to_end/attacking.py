"""Strangers who mean harm, in a process of their own, and how long others wait meanwhile.

python3 -m tests.system.end_to_end.attacking PORT ATTACK SECONDS
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator

from tools.hostile.wire import CONTINUATION, HANDSHAKE, PING, PONG, TEXT, frame

INIT = frame(TEXT, b'{"type":"session_init_v2"}')
PAUSE = b'{"type":"generation_paused_updated","paused":false}'
MANY = b'{"type":"seed_prompts_updated","x":[' + b"1," * 99_000 + b"1]}"
DEEP = b'{"type":"seed_prompts_updated","x":[' + b"{}," * 49_000 + b"1]}"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"

FLOODS: dict[str, bytes] = {
    "empty pings": frame(PING, b"") * 20_000,
    "long pings": frame(PING, b"x" * 125) * 4000,
    "pongs": frame(PONG, b"") * 20_000,
    "empty parts": frame(TEXT, b"{", fin=False) + frame(CONTINUATION, b"", fin=False) * 20_000,
    "short parts": frame(TEXT, b"{", fin=False) + frame(CONTINUATION, b" ", fin=False) * 20_000,
    "messages": frame(TEXT, PAUSE) * 5000,
    "bad messages": frame(TEXT, b'{"type":"x"}') * 8000,
    "snapshots": frame(TEXT, b'{"type":"snapshot_state"}') * 8000,
    "many values": frame(TEXT, MANY) * 2,
    "deep values": frame(TEXT, DEEP) * 2,
}
"""What each connection sends again and again, after its first message."""
HEADS: dict[str, tuple[bytes, bytes]] = {
    "many headers": (GET, b"a: b\r\n" * 170_000),
    "an endless header": (GET + b"X: ", b"a" * 2**20),
    "an endless URL": (b"GET /", b"a" * 2**20),
    "an endless body": (GET + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"a" * 1026),
    "pipelined requests": (GET + b"\r\n", (GET + b"\r\n") * 10_000),
}
CONNECTIONS = 5


def attack(port: int, name: str, seconds: float) -> None:
    """Until the time is over; who is thrown out comes again at once."""
    until = time.monotonic() + seconds
    if name in FLOODS:
        first, again = HANDSHAKE + INIT, FLOODS[name]
    else:
        first, again = HEADS[name]
    senders = [
        threading.Thread(target=_send, args=(port, first, again, until, number % 2 == 0))
        for number in range(CONNECTIONS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def _send(port: int, first: bytes, again: bytes, until: float, reads: bool) -> None:
    handshake, _, message = first.partition(b"\r\n\r\n")
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as one:
            if message:
                one.sendall(handshake + b"\r\n\r\n")
                one.recv(4096)
                one.sendall(message)
            else:
                one.sendall(first)
            if reads:
                threading.Thread(target=_read, args=(one,), daemon=True).start()
            while time.monotonic() < until:
                one.sendall(again)


def _read(one: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        while one.recv(2**20):
            pass


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


if __name__ == "__main__":
    attack(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
