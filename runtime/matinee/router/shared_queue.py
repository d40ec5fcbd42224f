"""The queue that several routers share, in a Redis or Valkey server: one order, fair to owners.

Each router seats its own viewers. It asks now and then how many of other routers' are before each,
and lets them go first as long as there are slots for them; so nobody needs a lock, and a router
that died holds up nobody for long. A place outlives its router: who has its token may have it back
at any of them. While the server is away each router has an order of its own, and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from redis.exceptions import RedisError

from matinee.router import queue_scripts as scripts
from matinee.router.owners import Exceeded
from matinee.router.parked import new_token
from matinee.router.queue import Place
from matinee.router.shared_limits import SharedLimits
from matinee.router.shared_scripts import Away, Scripts, id_of, in_time
from matinee.router.tickets import LIFETIME_S, SKEW_S
from matinee.serving.admission import QueueFull
from matinee.serving.keys import Key
from matinee.store.redis_address import Connections

LOOK_S, GAP_S = 1.0, 0.05
"""Between two looks, and between two of which somebody could not wait for the second."""
MOST_UNSAID = 4096
"""Places that were left, which the server does not know so far; without a router they are swept."""

Leaving = Literal["served", "left", "kept"]
Loss = Literal["taken", "evicted"]
_LOSSES: Mapping[int, Loss] = {-2: "taken", -3: "evicted"}
_ABSENT = -1

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    """`ahead`: viewers of other routers before it. `told`: the server may have it; `known`: it
    does."""

    place_id: str
    ahead: int = 0
    told: bool = False
    known: bool = False


class SharedQueue:
    """`name`: of the queue. `looked`: is called after each look; `lost`: with a place that is no
    longer of this router, and why."""

    def __init__(
        self,
        connections: Connections,
        name: str,
        most: int,
        kept_s: float,
        looked: Callable[[], None] = lambda: None,
        lost: Callable[[Place, Loss], None] = lambda _place, _why: None,
    ) -> None:
        self.looked, self.lost = looked, lost
        self.reachable = True
        self.depth = 0
        self.cold_start_s: float | None = None
        self._connections = connections
        self._scripts = Scripts(connections, f"matinee:queue:{{{name}}}")
        self._limits = SharedLimits(self._scripts)
        self._most = most
        self._kept_ms = round(kept_s * 1000)
        self._router = uuid.uuid4().hex
        self._entries: dict[Place, _Entry] = {}
        self._unsaid: deque[tuple[str, Leaving]] = deque(maxlen=MOST_UNSAID)
        self._cold_start_to_tell_s: float | None = None
        self._urgent = asyncio.Event()

    @property
    def others(self) -> int:
        """Viewers that are queued at other routers."""
        return max(0, self.depth - sum(entry.known for entry in self._entries.values()))

    def ahead(self, place: Place) -> int:
        """Viewers of other routers before it."""
        entry = self._entries.get(place)
        return entry.ahead if entry is not None and self.reachable else 0

    async def join(self, owner: str, token: str | None) -> tuple[Place, str] | None:
        """A place and its token: that of the given token where it is kept. None: the server is
        away. Raises `QueueFull`."""
        if not self.reachable:
            return None
        token = token or new_token()
        try:
            said = await self._joined(id_of(token), owner)
            if said[0] == b"foreign":
                token = new_token()
                said = await self._joined(id_of(token), owner)
        except Away as error:
            self._unsaid.append((id_of(token), "left"))  # the server may do it late
            self._went(error)
            return None
        except asyncio.CancelledError:
            self._unsaid.append((id_of(token), "kept"))
            self.look_soon()
            raise
        if said[0] != b"place":
            raise QueueFull
        place = Place(int(said[1]), int(said[2]), owner)
        self._entries[place] = _Entry(id_of(token), self.others, told=True, known=True)
        self.look_soon()
        return place, token

    def enter(self, place: Place, token: str) -> None:
        """One that may be unknown to the server, which learns of it at once: who comes at another
        router before that goes first. A second time changes nothing."""
        if place not in self._entries:
            self._entries[place] = _Entry(id_of(token))
            self.look_soon()

    def leave(self, place: Place, how: Leaving) -> None:
        entry = self._entries.pop(place, None)
        if entry is not None and entry.told:
            self._unsaid.append((entry.place_id, how))
            self.look_soon()

    def look_soon(self) -> None:
        self._urgent.set()

    async def begin(self, key: Key, session: int) -> Exceeded | None:
        """What the key allows no more of at all routers together; None also where nobody can tell.
        `session`: counts unless it is refused."""
        if not self.reachable:
            self._limits.hold(key, session)
            return None
        try:
            return await self._limits.begin(key, session)
        except Away as error:
            self._went(error)
            return None

    def end(self, key: Key, session: int) -> None:
        """A second time changes nothing."""
        self._limits.end(key, session)
        self.look_soon()

    async def first_use(self, ticket: str) -> bool:
        """Whether no other router has taken this ticket; also where nobody can tell."""
        key, for_ms = f"matinee:ticket:{id_of(ticket)}", round((LIFETIME_S + SKEW_S) * 1000)
        client = self._connections.client
        try:
            said = await in_time(client.set(key, self._router, nx=True, px=for_ms))
        except Away as error:
            self._went(error)
            return True
        return said is not None

    def tell_cold_start(self, took_s: float) -> None:
        """For routers that have seen none."""
        self._cold_start_to_tell_s = took_s
        self.look_soon()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(GAP_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._urgent.wait()

    async def look(self) -> None:
        """Once. What is wrong with it is logged: without the next ones nobody here is seated."""
        try:
            await self._look_and_tell()
        except Exception:
            logger.exception("the shared queue is looked at again")

    async def close(self) -> None:
        """The server hears of what is kept before."""
        with contextlib.suppress(Away):
            await self._tell()
        with contextlib.suppress(RedisError, OSError):
            await self._connections.close()

    # Within

    async def _look_and_tell(self) -> None:
        try:
            await self._look()
            self._came()
        except Away as error:
            self._went(error)
        self.looked()

    async def _look(self) -> None:
        """Raises `Away`."""
        self._urgent.clear()
        await self._tell()
        for place, entry in list(self._entries.items()):
            if not entry.known and place in self._entries:
                entry.told = True  # who leaves meanwhile is taken out again
                await self._joined(entry.place_id, place.owner, number=str(place.number))
                entry.known = True
        asked = list(self._entries.items())
        ids = [entry.place_id for _, entry in asked]
        depth, cold_ms, ranks = await self._run(scripts.LOOK, self._router, self._kept_ms, *ids)
        self.depth = int(depth)
        self.cold_start_s = int(cold_ms) / 1000 if cold_ms else None
        ours_before = 0
        for rank, place, entry in sorted(
            (int(rank), place, entry) for rank, (place, entry) in zip(ranks, asked, strict=True)
        ):
            if rank >= 0:
                entry.ahead, ours_before = rank - ours_before, ours_before + 1
            elif rank == _ABSENT:
                entry.known = False
            elif self._entries.pop(place, None) is not None:
                self.lost(place, _LOSSES[rank])

    async def _tell(self) -> None:
        """Raises `Away`."""
        while self._unsaid:
            place_id, how = left = self._unsaid.popleft()
            try:
                await self._run(scripts.LEAVE, place_id, self._router, how, self._kept_ms)
            except Away:
                self._unsaid.appendleft(left)
                raise
        await self._limits.tell()
        if (took_s := self._cold_start_to_tell_s) is not None:
            await self._run(scripts.COLD_START, round(took_s * 1000), self._router)
            self._cold_start_to_tell_s = None

    async def _joined(self, place_id: str, owner: str, number: str = "") -> list[Any]:
        """Raises `Away`."""
        facts = (place_id, owner, self._router, self._most, self._kept_ms, number)
        said: list[Any] = await self._run(scripts.JOIN, *facts)
        return said

    async def _run(self, script: str, *values: object) -> Any:
        """Raises `Away`."""
        return await self._scripts.run(script, scripts.KEYS, *values)

    def _came(self) -> None:
        if not self.reachable:
            self.reachable = True
            logger.info("the queue and what keys allow are shared with other routers again")

    def _went(self, error: Away) -> None:
        if self.reachable:
            self.reachable = False
            self.depth = 0
            self._limits.renew_soon()
            logger.warning(
                "the queue and what keys allow are this router's alone until its store is back: %s",
                error,
            )
