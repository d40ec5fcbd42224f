"""A backend of `router_splice.py`: it answers the first message of each viewer with frames of
64 KiB, so many as the message asks for, as fast as they are taken. Prints its address.
"""

from __future__ import annotations

import asyncio
import os
from typing import cast

import uvloop
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

FRAME_BYTES = 64 * 1024
FRAME = Frame(Opcode.BINARY, os.urandom(FRAME_BYTES)).serialize(mask=False)
HEALTHY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Source(asyncio.Protocol):
    """One connection: a probe, or a viewer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.websocket = ServerProtocol(max_size=None)
        self.left = 0
        self.may_write = True

    def data_received(self, data: bytes) -> None:
        if data.startswith((b"GET /health", b"GET /v1/slots")):
            self.transport.write(HEALTHY if b"/health" in data else b"HTTP/1.1 404 No\r\n\r\n")
            self.transport.close()
            return
        self.websocket.receive_data(data)
        for event in self.websocket.events_received():
            if not isinstance(event, Frame):
                self.websocket.send_response(self.websocket.accept(event))  # type: ignore[arg-type]
                self.transport.write(b"".join(self.websocket.data_to_send()))
            elif event.opcode is Opcode.TEXT:
                self.left += int(event.data)
                self.send_on()

    def send_on(self) -> None:
        while self.left and self.may_write and not self.transport.is_closing():
            self.left -= 1
            self.transport.write(FRAME)

    def pause_writing(self) -> None:
        self.may_write = False

    def resume_writing(self) -> None:
        self.may_write = True
        self.send_on()


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Source, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
