"""A backend of the router's benchmarks: it answers each message of a viewer, `FRAMES BYTES`, with
so many frames of that size, as fast as they are taken. Prints its address.
"""

from __future__ import annotations

import asyncio
import functools
import os
from typing import cast

import uvloop
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from matinee.media.fmp4 import Run, Sample, fragment
from matinee.router.journal import VIDEO_TRACK

HEALTHY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@functools.cache
def frame_of(nbytes: int) -> bytes:
    """As a server sends it: a fragment of video of so many bytes."""
    around = len(fragment(1, [Run(VIDEO_TRACK, 0, (Sample(b"", 1),))]))
    picture = Sample(os.urandom(nbytes - around), 1)
    video = fragment(1, [Run(VIDEO_TRACK, 0, (picture,))])
    return Frame(Opcode.BINARY, video).serialize(mask=False)


class Source(asyncio.Protocol):
    """One connection: a probe, or a viewer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.websocket = ServerProtocol(max_size=None)
        self.left = 0
        self.frame = b""
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
                self.left, frame_bytes = map(int, bytes(event.data).split())
                self.frame = frame_of(frame_bytes)
                self.send_on()

    def send_on(self) -> None:
        while self.left and self.may_write and not self.transport.is_closing():
            self.left -= 1
            self.transport.write(self.frame)

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
