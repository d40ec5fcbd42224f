"""The door of a server: what all its connections share, and the options that make uvicorn use it.

Whoever comes in is bounded before anything is known of them: connections (`guests.py`), time and
bytes of requests (`http_protocol.py`), frames of WebSockets (`websocket_protocol.py`), memory for
long messages, and above all the time for which they keep the event loop (`turns.py`).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from matinee.serving.guests import Guest, Guests, address_of
from matinee.serving.http_protocol import HttpProtocol
from matinee.serving.large_blocks import give_large_blocks_back
from matinee.serving.message_memory import MessageMemory
from matinee.serving.open_files import connections_that_fit
from matinee.serving.pace import Pace
from matinee.serving.refusal import Refusal
from matinee.serving.turns import Turns
from matinee.serving.websocket_protocol import WebSocketProtocol
from matinee_api.config.connection_limits import ConnectionLimits

STREAMS_AT_ONCE_S = 5
"""So many seconds' streams of an address may come at once."""
SWEEP_S = 0.5
PING_INTERVAL_S = 20.0

logger = logging.getLogger(__name__)


class Door:
    """`message_bytes`: the largest message on a WebSocket. `long_bodies`: of paths that begin so
    the largest body of a request, where that is more than usual."""

    def __init__(
        self,
        limits: ConnectionLimits,
        message_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        long_bodies: Mapping[str, int] | None = None,
    ) -> None:
        self.limits = limits
        self.turns = Turns()
        self.memory = MessageMemory(limits.long_messages_bytes, clock)
        self.clock = clock
        most = connections_that_fit(limits.connections)
        if most < limits.connections:
            logger.warning("only %d connections fit: this process may not open more files", most)
        self._guests: dict[int, Guests] = defaultdict(lambda: Guests(limits, most))
        """By the port that they came in by, so that none keeps those of the other from coming."""
        self._of_transport: dict[asyncio.BaseTransport, Guest] = {}
        self._openings = _openings(limits)
        self._message_bytes = message_bytes
        self._long_bodies = {path.encode(): most for path, most in (long_bodies or {}).items()}
        give_large_blocks_back()
        self._sweeping = False

    def uvicorn_options(
        self, ws: Callable[..., asyncio.Protocol] = WebSocketProtocol
    ) -> dict[str, Any]:
        """permessage-deflate is off: video is compressed already, and trying costs 80 times the CPU
        of sending it; and a few bytes would become many."""
        return {
            "http": partial(HttpProtocol, self),
            "ws": partial(ws, self),
            "ws_per_message_deflate": False,
            "ws_max_size": self._message_bytes,
            "ws_ping_interval": PING_INTERVAL_S,
            "ws_ping_timeout": self.limits.unresponsive_seconds,
            "timeout_keep_alive": self.limits.keep_alive_seconds,
            "server_header": False,
            "access_log": False,
            "log_config": None,
        }

    def come_in(self, transport: asyncio.BaseTransport, time_out: Callable[[], None]) -> Guest:
        """A new connection. Raises `TooMany`."""
        address = address_of(transport.get_extra_info("peername"))
        guest = Guest(address, transport, time_out, self.clock())  # type: ignore[arg-type]
        self._guests[_port_of(transport)].add(guest)
        self._of_transport[transport] = guest
        self._sweep_later()
        return guest

    def guest(self, transport: asyncio.BaseTransport) -> Guest:
        return self._of_transport[transport]

    def refusal_to_stream(self, guest: Guest) -> Refusal | None:
        """Counts the stream that it wants to open; None: it may."""
        if self._openings is None:
            return None
        now = self.clock()
        if wait_s := self._openings.wait_s(guest.address, now):
            text = f"an address may open {self.limits.streams_per_second} streams a second"
            return Refusal(
                HTTPStatus.TOO_MANY_REQUESTS, text, {"retry-after": str(math.ceil(wait_s))}
            )
        self._openings.did(guest.address, now)
        return None

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """A second time changes nothing."""
        guest = self._of_transport.pop(transport, None)
        if guest is not None:
            for guests in self._guests.values():
                guests.remove(guest)

    def most_body_bytes(self, url: bytes) -> int:
        """Of a request to that path; nobody has read its body so far."""
        longer = [most for path, most in self._long_bodies.items() if url.startswith(path)]
        return max([self.limits.body_bytes, *longer])

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = False
        for guests in self._guests.values():
            guests.sweep(self.clock())
        for holder in self.memory.slow():
            cast(WebSocketProtocol, holder).give_way()
        if self._of_transport:
            self._sweep_later()


def _openings(limits: ConnectionLimits) -> Pace[str] | None:
    """By address."""
    rate = limits.streams_per_second
    return Pace(rate * STREAMS_AT_ONCE_S, 1 / rate) if rate else None


def _port_of(transport: asyncio.BaseTransport) -> int:
    """Our own end's."""
    return int(transport.get_extra_info("sockname")[1])
