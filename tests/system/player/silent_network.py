"""A network that goes silent: what is sent is lost, and nobody is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.system.end_to_end.serving import Server


@dataclass
class Network:
    """Between a browser and a server. `url`: where the server is reached through it."""

    server: Server
    url: str = ""
    _silences: int = 0
    _ends: list[asyncio.StreamWriter] = field(default_factory=list)

    def go_silent(self) -> None:
        """For the connections that there are; new ones reach the server."""
        self._silences += 1

    async def connected(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, on = await asyncio.open_connection(self.server.host, self.server.port)
        self._ends += [back, on]
        await asyncio.gather(self._pump(client, on), self._pump(server, back))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Also the end of the connection is one of the things that are lost."""
        silences = self._silences
        with contextlib.suppress(OSError):
            while data := await source.read(2**16):
                if silences == self._silences:
                    target.write(data)
                    await target.drain()
        if silences == self._silences:
            target.close()

    def end(self) -> None:
        for writer in self._ends:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def network(server: Server) -> AsyncIterator[Network]:
    between = Network(server)
    async with await asyncio.start_server(between.connected, "127.0.0.1") as listening:
        between.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        try:
            yield between
        finally:
            listening.close()
            between.end()
