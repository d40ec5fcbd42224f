"""A word now and then to viewers that asked for it.

A page does not see pings, so it cannot tell a router whose machine has vanished from a model that
takes its time; its own TCP waits for a quarter of an hour.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from matinee.router.first_message import wants_heartbeat
from matinee.router.frames import text_frame
from matinee.router.vanished import has_vanished
from matinee.router.visit import Visit
from matinee.wire.server_messages import Heartbeat

TURN = 64
"""So many at once, then others have their turn."""

logger = logging.getLogger(__name__)


class Heartbeats:
    """`visits`: all of them."""

    def __init__(self, seconds: float, visits: Callable[[], Iterable[Visit]]) -> None:
        self._seconds = seconds
        self._visits = visits
        self._message = Heartbeat(seconds)
        self._frame = text_frame(self._message.as_json())

    def begin(self, visit: Visit) -> None:
        """Its first message is there: with an answer, the client knows what to expect."""
        visit.beats = wants_heartbeat(visit.viewer.early.pieces)
        if visit.beats:
            self._beat(visit)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            for number, visit in enumerate(list(self._visits()), start=1):
                if visit.beats:
                    self._beat(visit)
                if number % TURN == 0:
                    await asyncio.sleep(0)

    def _beat(self, visit: Visit) -> None:
        transport = visit.viewer.transport
        if has_vanished(transport):  # its kernel is not asked while something is on its way
            transport.abort()
        if transport.is_closing() or transport.get_write_buffer_size():
            return  # it has ended, or does not read what it has
        try:
            if visit.upstream is not None:
                visit.upstream.beat(self._frame)
            else:
                visit.viewer.tell(self._message, moving=True)
        except Exception:  # of one viewer: without the next ones all of them would go
            logger.exception("a viewer could not be told that the router is there")
