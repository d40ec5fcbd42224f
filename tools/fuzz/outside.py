"""The cases that a server gets over its socket, and what must hold for each of them.

Every WebSocket that was upgraded ends with a close frame, with a code of the contract; every answer
over HTTP is one, and none is the server's own mistake.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from random import Random
from typing import cast

from tools.fuzz import http, scripts
from tools.fuzz.inside import Broken
from tools.fuzz.jobs import VIDEO_ID
from tools.fuzz.scripts import Script
from tools.hostile.wire import NO_CLOSE_FRAME, NO_CODE, WireClient

CODES = {1000, 1002, 1003, 1007, 1008, 1009, 1013}
ECHOED = {NO_CODE, *scripts.CLOSE_CODES} - {0, 999, 1004, 1006, 1015, 2999, 5000, 65535}
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
STATUSES = {*range(100, 104), *range(200, 500), 501, 503, 505}
PROBE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LIST = b"GET /v1/videos HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
COMPLETED = re.compile(rb'"id":"(video_[0-9a-f]{32})"[^{}]*"status":"completed"')
ANSWER_S = 180.0
"""For what ought to happen at once, on a machine that is busy with something else."""


async def play_messages(port: int, rng: Random) -> int:
    return await _play(port, scripts.messages(rng))


async def play_frames(port: int, rng: Random) -> int:
    return await _play(port, scripts.frames(rng))


async def _play(port: int, one: Script) -> int:
    async with asyncio.timeout(ANSWER_S):
        client = await WireClient.connect(port)
        try:
            code = await client.play(one.frames, vanish=one.vanishes, half_close=one.open_ended)
        finally:
            client.abort()
    allowed = CODES | (ECHOED if one.closes else set())
    if one.vanishes or one.breaks_rules or one.open_ended:
        allowed.add(NO_CLOSE_FRAME)
    if code not in allowed:
        heard = " ".join(client.last_heard)
        raise Broken(f"close code {code} after {heard}", b"".join(one.frames))
    return one.cases


@dataclass
class _Speaker(asyncio.Protocol):
    """Says all it has to say, and keeps what it hears."""

    says: bytes
    heard: bytearray = field(default_factory=bytearray)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self.says)

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()


async def play_http(port: int, rng: Random) -> int:
    """An answer need not come: the request may be unfinished. What had time to come is looked at: a
    probe that was sent afterwards has its answer."""
    one = http.requests(rng)
    sent = b"".join(one.frames)
    if VIDEO_ID.encode() in sent:
        sent = sent.replace(VIDEO_ID.encode(), await _video_there(port))
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(ANSWER_S):
        transport, speaker = await loop.create_connection(lambda: _Speaker(sent), "127.0.0.1", port)
        try:
            await alive(port)
        finally:
            transport.abort()
    if speaker.heard:
        _check_answer(bytes(speaker.heard), sent)
    return one.cases


async def _video_there(port: int) -> bytes:
    """The id of a job that is completed, if there is one."""
    loop = asyncio.get_running_loop()
    _, speaker = await loop.create_connection(lambda: _Speaker(LIST), "127.0.0.1", port)
    await speaker.over.wait()
    found = COMPLETED.search(speaker.heard)
    return found[1] if found else VIDEO_ID.encode()


def _check_answer(heard: bytes, sent: bytes) -> None:
    if not STATUS_LINE.match(heard):
        raise Broken(f"{heard[:60]!r} is no answer", sent)
    for status in STATUS_LINE.findall(heard):
        if int(status) not in STATUSES:
            raise Broken(f"HTTP status {int(status)}", sent)


async def alive(port: int) -> None:
    """Raises `Broken` when `/healthz` does not answer 200."""
    loop = asyncio.get_running_loop()
    _, probe = await loop.create_connection(lambda: _Speaker(PROBE), "127.0.0.1", port)
    await probe.over.wait()
    if not probe.heard.startswith(b"HTTP/1.1 200 "):
        raise Broken(f"/healthz answers {bytes(probe.heard[:60])!r}", PROBE)


OUTSIDE = {"messages": play_messages, "frames": play_frames, "http": play_http}
