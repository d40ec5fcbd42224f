"""Viewers of other routers, where the queue is shared with them: who came before goes first.

As long as there are slots for them, that is; and a router that does not take its turn is not waited
for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matinee.router.queue import Place
from matinee.router.table import Table

if TYPE_CHECKING:
    from matinee.router.shared_queue import Leaving, SharedQueue

TURN_S = 3.0
"""How long a slot is left to another router whose viewer comes first."""


class Others:
    """There are none without a `shared` queue."""

    def __init__(self, table: Table, shared: SharedQueue | None) -> None:
        self._table = table
        self._shared = shared
        self._blocked_since: float | None = None

    @property
    def count(self) -> int:
        return self._shared.others if self._shared is not None else 0

    @property
    def cold_start_s(self) -> float | None:
        """How long the last one took that another router saw."""
        return self._shared.cold_start_s if self._shared is not None else None

    def ahead(self, place: Place) -> int:
        """How many come before this place."""
        return self._shared.ahead(place) if self._shared is not None else 0

    def want_all(self) -> bool:
        """The slots that are free: nobody who comes now may have one."""
        return self.count >= self._table.free > 0

    def go_first(self, place: Place, now: float) -> bool:
        """Whether the slot that is free is left to them."""
        if self._shared is None or self.ahead(place) < self._table.free:
            self._blocked_since = None
            return False
        self._shared.look_soon()
        if self._blocked_since is None:
            self._blocked_since = now
        if now - self._blocked_since < TURN_S:
            return True
        self._blocked_since = None
        return False

    def have_none_left(self) -> None:
        """No slot is left to them: the next one is for its whole time."""
        self._blocked_since = None

    def enter(self, place: Place, token: str) -> None:
        """One of ours."""
        if self._shared is not None:
            self._shared.enter(place, token)

    def leave(self, place: Place, how: Leaving) -> None:
        if self._shared is not None:
            self._shared.leave(place, how)

    def tell_cold_start(self, took_s: float) -> None:
        if self._shared is not None:
            self._shared.tell_cold_start(took_s)

    async def join(self, owner: str, token: str | None) -> tuple[Place, str] | None:
        """A place in the common order, that of the token if it is kept. None: the order is this
        router's own. Raises `QueueFull`."""
        return await self._shared.join(owner, token) if self._shared is not None else None
