"""A viewer of `/v1/stream` that keeps all it was sent, and what that means as video."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.system.end_to_end.serving import PATIENCE_S, Server
from tests.unit.runtime.media.mp4_reading import boxes

Message = dict[str, Any]
Item = Message | bytes


@dataclass
class Segment:
    """What was sent between one `ltx2_segment_start` and the message that ends the segment."""

    messages: list[Message] = field(default_factory=list)
    binaries: list[bytes] = field(default_factory=list)

    @property
    def init(self) -> bytes:
        return self.binaries[0]

    @property
    def fragments(self) -> list[bytes]:
        return self.binaries[1:]

    def only(self, kind: str) -> Message:
        (message,) = (message for message in self.messages if message["type"] == kind)
        return message


class Viewer:
    """`items`: all that came so far, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.items: list[Item] = []

    @property
    def close_code(self) -> int | None:
        return self.socket.close_code

    @property
    def close_reason(self) -> str | None:
        return self.socket.close_reason

    async def say(self, kind: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def ask(self, prompt: str, **fields: object) -> None:
        await self.say("segment_prompt_source", prompt=prompt, **fields)

    async def next(self) -> Item | None:
        """None when the server has closed."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                frame = await self.socket.recv()
            except ConnectionClosed:
                return None
        item: Item = frame if isinstance(frame, bytes) else json.loads(frame)
        self.items.append(item)
        return item

    async def hear(self, *kinds: str) -> Message:
        """The next message of one of these kinds; what comes before it is only kept."""
        while (item := await self.next()) is not None:
            if not isinstance(item, bytes) and item["type"] in kinds:
                return item
        raise AssertionError(
            f"closed with {self.close_code} before {kinds}: {kinds_of(self.items)}"
        )

    async def segment(self, prompt: str, **fields: object) -> Segment:
        """Ask for a segment and watch it to its end."""
        before = len(self.items)
        await self.ask(prompt, **fields)
        await self.hear("ltx2_segment_complete")
        return segments_of(self.items[before:])[0]

    async def rest(self) -> list[Item]:
        """All that comes up to the close."""
        before = len(self.items)
        while await self.next() is not None:
            pass
        return self.items[before:]

    async def end(self) -> list[Item]:
        """End the session and hear what the server says to that."""
        await self.say("session_end")
        return await self.rest()

    def vanish(self) -> None:
        """Without a close frame."""
        self.socket.transport.abort()


@asynccontextmanager
async def raw(
    server: Server, *, receive_buffer_bytes: int | None = None, **headers: str
) -> AsyncIterator[Viewer]:
    """A viewer that has said nothing so far. With `receive_buffer_bytes` it reads only what it asks
    for: so much waits in its kernel, and one message in itself."""
    plain = socket.create_connection((server.host, server.port))
    if receive_buffer_bytes is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    address = server.url.replace("http:", "ws:") + "/v1/stream"
    async with connect(
        address,
        sock=plain,
        additional_headers=headers,
        compression=None,
        max_size=None,
        max_queue=None if receive_buffer_bytes is None else 1,
        ping_interval=None,
        open_timeout=PATIENCE_S,
        close_timeout=10,
    ) as connection:
        yield Viewer(connection)


@asynccontextmanager
async def session(server: Server, **init: object) -> AsyncIterator[Viewer]:
    """A viewer that has said `session_init_v2`."""
    async with raw(server) as viewer:
        await viewer.say("session_init_v2", **init)
        yield viewer


def kinds_of(items: Sequence[Item]) -> list[str]:
    """Their types; "video" for binary frames."""
    return ["video" if isinstance(item, bytes) else str(item["type"]) for item in items]


def messages_of(items: Sequence[Item], kind: str) -> list[Message]:
    return [item for item in items if not isinstance(item, bytes) and item["type"] == kind]


def segments_of(items: Sequence[Item]) -> list[Segment]:
    segments: list[Segment] = []
    for item in items:
        if not isinstance(item, bytes) and item["type"] == "ltx2_segment_start":
            segments.append(Segment())
        if not segments:
            continue
        if isinstance(item, bytes):
            segments[-1].binaries.append(item)
        else:
            segments[-1].messages.append(item)
    return segments


def top_boxes(data: bytes) -> list[str]:
    return [box.path for box in boxes(data) if "/" not in box.path]
