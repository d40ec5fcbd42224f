"""Another implementation of the contract as a backend: it says what a test wants, byte for byte.

It has `/health` and `/v1/stream`, and tells no slots. As in ours, little waits in the kernel.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from matinee.serving.listening import bind_for_viewers
from tests.system.end_to_end.serving import PATIENCE_S

Behaviour = Callable[[ServerConnection], Awaitable[None]]


@dataclass
class Stub:
    """`refuses`: it answers 503 before the upgrade, or another `status`. `requests`: the handshakes
    that came."""

    url: str = ""
    refuses: bool = False
    status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    requests: list[Request] = field(default_factory=list)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/health":
            return connection.respond(HTTPStatus.OK, "ok\n")
        if not request.path.startswith("/v1/stream"):
            return connection.respond(HTTPStatus.NOT_FOUND, "no\n")
        self.requests.append(request)
        if self.refuses:
            return connection.respond(self.status, "full\n")
        return None


@contextmanager
def stub(behaviour: Behaviour, compression: str | None = None) -> Iterator[Stub]:
    """`compression`: what it would agree to. It runs on a loop of its own, in a thread."""
    one, loop = Stub(), asyncio.new_event_loop()
    opened: Future[asyncio.Event] = Future()

    async def run() -> None:
        over = asyncio.Event()
        async with serve(
            behaviour,
            sock=bind_for_viewers("127.0.0.1", 0),
            process_request=one.answer,
            compression=compression,
            max_size=None,
            ping_interval=None,
            close_timeout=1,
        ) as server:
            one.url = f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            opened.set_result(over)
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    over = opened.result(PATIENCE_S)
    try:
        yield one
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(PATIENCE_S)
        loop.close()
