"""How long others wait while strangers mean harm, and strangers who say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.system.end_to_end.serving import PATIENCE_S, Server
from tools.hostile.attackers import under
from tools.hostile.attacks import GET

ATTACK_S = 0.8
WAIT_S = 0.1
AT_WORK_S = 0.5
"""For attackers to take what there is, before the server is told to end."""
SCHEDULING_S = 0.5
PAUSE_S, TURNS = 0.01, 4
"""Between two questions; and how often this program and the server wait for their turn in one."""


async def waits_s(port: int, goes_on: Callable[[], bool]) -> list[float]:
    """How long `/healthz` takes on fresh connections, one after the other; without what the machine
    takes to let anybody run, several times, as this program finds it."""
    waits = []
    while goes_on():
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET + b"Connection: close\r\n\r\n")
        answer = await reader.read()
        assert b" 200 " in answer.split(b"\r\n")[0], answer
        writer.close()
        answered = time.perf_counter()
        await asyncio.sleep(PAUSE_S)
        late_s = time.perf_counter() - answered - PAUSE_S
        waits.append(answered - began - TURNS * late_s)
    return waits


async def hardly_waited(attack: str, server: Server) -> None:
    """Others beside the attackers: nine in ten, and the worst by the machine's leave."""
    with under(attack, server.port):
        until = time.monotonic() + ATTACK_S
        waits = sorted(await waits_s(server.port, lambda: time.monotonic() < until))
    assert waits[len(waits) * 9 // 10] <= WAIT_S * crowding()
    assert waits[-1] <= 10 * WAIT_S * crowding()


def crowding() -> float:
    """How much longer all takes where others compute, the attackers too, on the cores we have."""
    running, _, _ = Path("/proc/loadavg").read_text().split()[3].partition("/")
    return max(1.0, max(os.getloadavg()[0], int(running)) / len(os.sched_getaffinity(0)))


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


async def ended_under(attacks: Sequence[str], server: Server) -> tuple[int, float]:
    """The exit code after SIGTERM while all these attack, and how long it took."""
    with contextlib.ExitStack() as attackers:
        each = [under(name, server.port) for name in attacks]
        await asyncio.gather(*(asyncio.to_thread(attackers.enter_context, one) for one in each))
        until = time.monotonic() + AT_WORK_S
        await waits_s(server.port, lambda: time.monotonic() < until)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        return server.process.wait(PATIENCE_S), time.monotonic() - began


def grace_held(grace_s: float, took_s: float) -> bool:
    """By the machine's leave."""
    return took_s <= (grace_s + SCHEDULING_S) * crowding()
