"""A router as the reference's is made: a FastAPI endpoint that opens a WebSocket to the backend and
hands each message on, with what uvicorn and websockets do if nobody says anything, such as to
compress what a viewer's browser offers to take compressed.

    python -m benchmarks._reference_router http://127.0.0.1:PORT

Prints its address.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

app = FastAPI()


@app.websocket("/v1/stream")
async def stream(viewer: WebSocket) -> None:
    await viewer.accept()
    address = sys.argv[1].replace("http:", "ws:") + "/v1/stream"
    async with connect(address) as backend:
        ways = [asyncio.create_task(way(viewer, backend)) for way in (to_backend, to_viewer)]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for one in ways:
            one.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def to_backend(viewer: WebSocket, backend: ClientConnection) -> None:
    with contextlib.suppress(WebSocketDisconnect, ConnectionClosed, RuntimeError):
        while True:
            message = await viewer.receive()
            await backend.send(message.get("text") or message["bytes"])


async def to_viewer(viewer: WebSocket, backend: ClientConnection) -> None:
    with contextlib.suppress(WebSocketDisconnect, ConnectionClosed, RuntimeError):
        async for message in backend:
            if isinstance(message, str):
                await viewer.send_text(message)
            else:
                await viewer.send_bytes(message)


class Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}", flush=True)


if __name__ == "__main__":
    Server(uvicorn.Config(app, port=0, log_level="critical")).run()
