"""The peer of `hostile.py`: a video server as many would write it, with uvicorn as it comes.

Messages are parsed, pictures decoded in a thread, and video goes out at an even pace. Its memory is
capped, for the sake of the machine that the benchmark runs on.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import resource
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from PIL import Image

MOST_BYTES = 4 * 2**30
PIECE = bytes(6000)
PIECE_EVERY_S = 0.25

app = FastAPI()
slots: set[WebSocket] = set()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    await socket.accept()
    with contextlib.suppress(WebSocketDisconnect, ValueError, OSError):
        first = json.loads(await socket.receive_text())
        frames = await asyncio.to_thread(decoded, first)
        playing = asyncio.create_task(play(socket))
        try:
            while True:
                answer(json.loads(await socket.receive_text()), frames)
        finally:
            playing.cancel()


def decoded(first: dict[str, Any]) -> list[Any]:
    pictures = []
    if image := first.get("initial_image"):
        pictures.append(image["data"])
    if state := first.get("continuation_state"):
        pictures += state["payload"]["frames_b64"]
    opened = [Image.open(io.BytesIO(base64.b64decode(data))) for data in pictures]
    return [np.asarray(picture.convert("RGB")) for picture in opened]


def answer(_message: dict[str, Any], _frames: list[Any]) -> None:
    """There is nothing to do: this is about what it takes to listen."""


async def play(socket: WebSocket) -> None:
    while True:
        await socket.send_bytes(PIECE)
        await asyncio.sleep(PIECE_EVERY_S)


class Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"ready: http://127.0.0.1:{port}", flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    Image.MAX_IMAGE_PIXELS = None
    Server(uvicorn.Config(app, port=0, log_level="critical")).run()
