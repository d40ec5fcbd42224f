"""Text messages of megabytes over a WebSocket, without keeping the event loop from anything else.

In one piece, a message of 7 MB is copied several times on the loop, which takes as many
milliseconds. Here it goes out as a fragmented message (RFC 6455, 5.4), a part at a time; every
client's library puts it together again. The server tells the application with an ASGI extension
that it takes messages in parts; from another server they get the text.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected

from matinee.serving.websocket_protocol import WebSocketProtocol

EXTENSION = "matinee.websocket.parts"
Parts = tuple[bytes, ...]


async def send_frame(socket: WebSocket, frame: str | bytes | Parts) -> None:
    """Bytes are a binary frame; a tuple is one text in parts."""
    match frame:
        case bytes():
            await socket.send_bytes(frame)
        case str():
            await socket.send_text(frame)
        case parts if EXTENSION in socket.scope.get("extensions", {}):
            await socket.send({"type": "websocket.send", "parts": parts})
        case parts:
            await socket.send_text(b"".join(parts).decode())


class LongMessages(WebSocketProtocol):
    """A WebSocket that also takes `{"type": "websocket.send", "parts": (b"...", ...)}`."""

    async def run_asgi(self) -> None:
        self.scope["extensions"][EXTENSION] = {}
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        parts = message.get("parts")
        if not parts:
            await super().send(message)
            return
        left = list(reversed(parts))
        try:
            while left:
                await self.writable.wait()
                if self._gone:
                    raise ClientDisconnected
                self._write(left.pop(), first=len(left) + 1 == len(parts), last=not left)
                await asyncio.sleep(0)
        finally:
            # A message that was begun is finished, as nothing else can be sent in its middle.
            while 0 < len(left) < len(parts) and not self._gone:
                self._write(left.pop(), first=False, last=not left)

    def _write(self, part: bytes, *, first: bool, last: bool) -> None:
        if first:
            self.conn.send_text(part, fin=last)
        else:
            self.conn.send_continuation(part, fin=last)
        self.transport.write(b"".join(self.conn.data_to_send()))
