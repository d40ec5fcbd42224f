"""Sessions leave a backend that drains: one by one, each when another has a slot for it.

The slot is taken first, then the backend is asked to hand the session over at its next edge, where
no segment runs; what becomes of it then is the reception's (`Reception.move`). Who finds no slot
plays on until the backend's deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator

from matinee.router.seating import Seating
from matinee.router.table import Table
from matinee.router.visit import Rejected, Visit, now

logger = logging.getLogger(__name__)


class Moves:
    """`sessions`: numbers for slots, as the reception gives them."""

    def __init__(self, seating: Seating, table: Table, sessions: Iterator[int]) -> None:
        self._seating = seating
        self._table = table
        self._sessions = sessions
        self._tasks: dict[Visit, asyncio.Task[None]] = {}

    def look(self, visits: Iterable[Visit]) -> None:
        """After each change of the table: begin those that are not under way."""
        if not any(one.drains and one.store and one.sessions for one in self._table):
            return
        for visit in list(visits):
            backend = visit.backend
            if backend is None or not (backend.drains and backend.store) or visit in self._tasks:
                continue
            if visit.upstream is not None and visit.viewer.journal.movable:
                plan = self._plan(visit, backend.store)
                self._tasks[visit] = asyncio.create_task(plan, name="a planned move")

    def forget(self, visit: Visit) -> None:
        """It has moved, or its viewer is gone."""
        task = self._tasks.pop(visit, None)
        if task is not None:
            task.cancel()
        reserved, visit.reserved = visit.reserved, None
        if reserved is not None:
            self._seating.unqueue(reserved)
            self._seating.give_back(reserved)

    async def _plan(self, visit: Visit, store: str) -> None:
        visit.reserved = Visit(next(self._sessions), visit.viewer, now(), client=visit.client)
        visit.reserved.store = store
        visit.reserved.place = self._seating.queue.ahead(visit.owner)
        try:
            await self._seating.turn(visit.reserved)
        except Rejected as error:
            logger.info("a session stays on a server that drains: %s", error)
            del self._tasks[visit]  # until the table changes
            return
        visit.viewer.ask_hand_over()
