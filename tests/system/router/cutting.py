"""A proxy before a server that ends its streams, each after another number of frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from websockets.frames import Opcode

from matinee.router.frames import first_frame
from tests.system.end_to_end.serving import PATIENCE_S, Server

END_OF_HEAD = b"\r\n\r\n"
STREAM = b"GET /v1/stream"
SNAPSHOT = b'{"type":"continuation_state_snapshot"'


@dataclass
class Cuts:
    """One stream is cut after the first frame behind its answer to `snapshot_state`, the next one
    after the second, and so on. `last_kinds`: what each had passed on last."""

    server: Server
    url: str = ""
    last_kinds: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def connected(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), closing(back):
            head = await client.readuntil(END_OF_HEAD)
            server, on = await asyncio.open_connection(self.server.host, self.server.port)
            with closing(on):
                on.write(head)
                asking = asyncio.create_task(_pump(client, on))
                await (self._cut if head.startswith(STREAM) else _pump)(server, back)
                asking.cancel()

    async def _cut(self, server: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        back.write(await server.readuntil(END_OF_HEAD))
        held, left = b"", -1
        while data := await server.read(2**16):
            held += data
            while (found := first_frame(held)) is not None:
                opcode, payload, size = found
                back.write(held[:size])
                held, left = held[size:], left - 1
                if left == 0 and opcode is not Opcode.CLOSE:
                    self.last_kinds.append(_kind(opcode, payload))
                    return
                if payload.startswith(SNAPSHOT):
                    left = next(self.numbers)


def _kind(opcode: Opcode, payload: bytes) -> str:
    return "video" if opcode is Opcode.BINARY else str(json.loads(payload)["type"])


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError), closing(target):
        while data := await source.read(2**16):
            target.write(data)


@contextmanager
def cutting(server: Server) -> Iterator[Cuts]:
    """It runs on a loop of its own, in a thread."""
    cuts = Cuts(server)
    opened: Future[Callable[[], object]] = Future()

    async def run() -> None:
        over = asyncio.Event()
        async with await asyncio.start_server(cuts.connected, "127.0.0.1") as listening:
            cuts.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            loop = asyncio.get_running_loop()
            opened.set_result(partial(loop.call_soon_threadsafe, over.set))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    end = opened.result(PATIENCE_S)
    try:
        yield cuts
    finally:
        end()
        thread.join(PATIENCE_S)
