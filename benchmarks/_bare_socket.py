"""The floor of `socket_to_frame.py`: a uvicorn WebSocket that answers two messages with one encoded
picture, and does nothing else. Prints its address.

The protocols, the event loop and the encoder are the server's own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import numpy as np
import uvicorn
import uvloop

from matinee.media.media_stream import MediaStream

WIDTH = HEIGHT = 64
FPS = 8
PICTURE = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)

Message = MutableMapping[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    for _ in range(2):  # session_init_v2 and segment_prompt_source
        await receive()
    stream = MediaStream(WIDTH, HEIGHT, FPS)
    fragment = stream.push(PICTURE)
    for data in (stream.init, fragment.data if fragment else b""):
        await send({"type": "websocket.send", "bytes": data})
    await receive()


async def serve() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
