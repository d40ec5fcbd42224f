"""A door with a small application behind it, on a real port of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from matinee.serving.door import Door
from matinee.serving.http_manners import HttpManners
from matinee.serving.listening import bind
from matinee.serving.websocket_protocol import WebSocketProtocol
from matinee_api.config.connection_limits import ConnectionLimits

MESSAGE_BYTES = 2**20


@dataclass
class House:
    """What is behind the door. `heard`: messages; `gone`: codes and reasons of WebSockets that
    have ended; `listening`: cleared, nobody takes messages; `deciding`: cleared, nobody is
    refused either; `sockets`: the protocols of all."""

    door: Door
    port: int = 0
    heard: list[str] = field(default_factory=list)
    gone: list[tuple[int, str]] = field(default_factory=list)
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    deciding: asyncio.Event = field(default_factory=asyncio.Event)
    sockets: list[WebSocketProtocol] = field(default_factory=list)

    async def ask(self, request: bytes) -> bytes:
        """Everything that comes back until the connection ends."""
        reader, writer = await self.connect()
        writer.write(request)
        try:
            return await reader.read()
        except ConnectionError:
            return b"reset"
        finally:
            writer.close()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Ask again and again, with a round trip in between."""
        async with asyncio.timeout(60):
            while not holds():
                await self.ask(b"GET / HTTP/1.0\r\n\r\n")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def _refuse(self, socket: WebSocket) -> None:
        await self.deciding.wait()
        await socket.send_denial_response(Response("full", 503))

    def app(self) -> Any:
        async def size(request: Request) -> Response:
            return Response(str(len(await request.body())))

        async def endless(_request: Request) -> Response:
            async def lines() -> AsyncIterator[bytes]:
                while True:
                    yield b"line\n" * 1000
                    await asyncio.sleep(0)

            return StreamingResponse(lines())

        async def listen(socket: WebSocket) -> None:
            await socket.accept()
            try:
                while True:
                    await self.listening.wait()
                    self.heard.append(await socket.receive_text())
            except WebSocketDisconnect as left:
                self.gone.append((left.code, left.reason))

        routes = [
            Route("/", size, methods=["GET", "POST"]),
            Route("/endless", endless, methods=["GET"]),
            WebSocketRoute("/v1/stream", listen),
            WebSocketRoute("/refused", self._refuse),
        ]
        app = Starlette(routes=routes)
        app.add_middleware(HttpManners)
        return app


@asynccontextmanager
async def open_house(**limits: Any) -> AsyncIterator[House]:
    house = House(Door(ConnectionLimits(**limits), MESSAGE_BYTES))
    house.listening.set()
    house.deciding.set()

    class Watched(WebSocketProtocol):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            house.sockets.append(self)

    options = house.door.uvicorn_options(Watched)
    with bind("127.0.0.1", 0) as listening:
        house.port = listening.getsockname()[1]
        config = uvicorn.Config(house.app(), lifespan="off", timeout_graceful_shutdown=1, **options)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield house
        finally:
            house.listening.set()
            server.should_exit = True
            await task
