"""A port with TLS: how many connections may be in their handshake, of all and of an address.

uvicorn knows of a connection only when its handshake is done: those that say nothing would hold
files and memory that nobody counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable

from matinee.serving.guests import address_of
from matinee.serving.tasks import stopped
from matinee.serving.tls import HANDSHAKE_S

MOST_SHAKING, MOST_OF_ADDRESS = 512, 32
"""Past it the oldest handshake is given up: of this address, or of the one that has most."""
ACCEPT_AGAIN_S = 0.1
"""When the system lets us have no further file."""


class TlsServer:
    """Accepts until it is closed, as an `asyncio.Server` does. `factory`: makes the protocols of
    those that are secured."""

    def __init__(
        self,
        listening: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._factory = factory
        self._context = context
        self._shaking: dict[asyncio.Task[None], str] = {}
        self._accepting = asyncio.create_task(self._accept(), name="who comes by TLS")

    def close(self) -> None:
        for task in (self._accepting, *self._shaking):
            task.cancel()

    async def wait_closed(self) -> None:
        for task in (self._accepting, *self._shaking):
            await stopped(task)

    # Within

    async def _accept(self) -> None:
        accept = asyncio.get_running_loop().sock_accept
        while True:
            try:
                accepted, peer = await accept(self._listening)
            except OSError:
                await asyncio.sleep(ACCEPT_AGAIN_S)
            else:
                self._begin(accepted, address_of(peer))

    def _begin(self, accepted: socket.socket, address: str) -> None:
        self._make_room(address)
        task = asyncio.create_task(self._shake(accepted), name="a TLS handshake")
        self._shaking[task] = address
        task.add_done_callback(lambda done: self._shaking.pop(done, None))

    def _make_room(self, address: str) -> None:
        counts = Counter(self._shaking.values())
        if counts[address] >= MOST_OF_ADDRESS:
            crowd = address
        elif len(self._shaking) >= MOST_SHAKING:
            ((crowd, _),) = counts.most_common(1)
        else:
            return
        oldest = next(task for task, whose in self._shaking.items() if whose == crowd)
        del self._shaking[oldest]
        oldest.cancel()

    async def _shake(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self._factory,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_S,
            )
