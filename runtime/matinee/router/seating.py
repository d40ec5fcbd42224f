"""Which backend a viewer's session gets, and who is queued for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from matinee.router.first_message import queue_token_of
from matinee.router.others import Others
from matinee.router.parked import Parked, may_have, new_token
from matinee.router.placement import Wish, place
from matinee.router.queue import Place, Queue
from matinee.router.table import Backend, Table
from matinee.router.visit import RETRY_AFTER_S, Rejected, Visit, busy, full, now
from matinee.router.waiting import ColdStarts, Playing, eta_s
from matinee.serving.admission import QueueFull
from matinee.serving.session_lengths import SessionLengths
from matinee.wire.server_messages import Error, QueueStatus
from matinee_api.config.router_config import RouterSettings

if TYPE_CHECKING:
    from matinee.router.shared_queue import Loss, SharedQueue

TELL_EVERY_S = 0.25
"""How often those who wait are told their places: who comes and goes shall not cost a message to
each of them each time."""


class Seating:
    """`lengths`: of the sessions that ended. `visits`: all of them. `shared`: the queue, where
    other routers have it too."""

    def __init__(
        self,
        settings: RouterSettings,
        table: Table,
        visits: Callable[[], Iterable[Visit]] = tuple,
        shared: SharedQueue | None = None,
    ) -> None:
        self.queue = Queue(settings.queue.max_waiting)
        self.lengths = SessionLengths()
        self.cold_starts = ColdStarts()
        self._settings = settings
        self._table = table
        self._visits = visits
        self._queued: dict[Place, Visit] = {}
        self._parked = Parked(settings.queue.kept_seconds, settings.queue.max_waiting)
        self._others = Others(table, shared)
        self._telling: asyncio.TimerHandle | None = None
        self._told_at = 0.0
        if shared is not None:
            shared.looked, shared.lost = self._looked, self._lost

    @property
    def depth(self) -> int:
        """Viewers that are queued, at other routers too."""
        return len(self.queue) + self._others.count

    def changed(self) -> None:
        """Slots may be free now."""
        self._heed_cold_start()
        if not self._leaves_a_slot():
            self._others.have_none_left()
        self._tell_places()

    def _leaves_a_slot(self) -> bool:
        """To viewers of other routers; who is queued here has those that are free before."""
        for queued in self.queue.places:
            visit = self._queued[queued]
            if visit.turn is None or visit.turn.done():
                continue  # its wait is over
            backend = self._choice(visit)
            if backend is None and (visit.home or visit.store):
                continue  # others may have a slot for those behind it
            if backend is None:
                break
            if self._others.go_first(queued, now()):
                return True
            self._begin(visit, backend)
            visit.turn.set_result(backend)
        return False

    async def turn(self, visit: Visit) -> Backend:
        """A backend with a slot for it, now or later. One that it has is given back, which took it
        not after all: when it is queued, so that nobody behind it is before it. Raises
        `Rejected`."""
        if visit.place is None and not len(self.queue) and not self._others.want_all():
            self.give_back(visit)
            backend = self._choice(visit)
            if backend is not None:
                self._begin(visit, backend)
                return backend
        if visit.place is None:
            await self._come_back(visit)
        self._queue_up(visit)
        visit.turn = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout_at(self._deadline(visit)):
                self.give_back(visit)
                self.changed()
                return await visit.turn
        except TimeoutError:
            self.give_back(visit)
            alive = self._table.has_hope
            message = "no slot became free in time" if alive else "no healthy replica is available"
            error = Error("gpu_unavailable", message, True, retry_after_seconds=RETRY_AFTER_S)
            raise Rejected(error, "queue_timeout" if alive else "no_healthy_replica") from None
        finally:
            visit.turn = None
            self.unqueue(visit)

    def _deadline(self, visit: Visit) -> float:
        queue = self._settings.queue
        longest_s = queue.longest_seconds if self._table.has_hope else queue.no_backend_seconds
        return visit.since + longest_s

    async def _come_back(self, visit: Visit) -> None:
        """To the place that it had, or to a new one of the common order. Raises `Rejected`."""
        told = queue_token_of(visit.viewer.early.pieces)
        if told is not None and (kept := self._kept(told, visit.owner)) is not None:
            visit.place, visit.token = kept, told
            return
        try:
            joined = await self._others.join(visit.owner, told)
        except QueueFull:
            raise full() from None
        if joined is not None:
            visit.place, visit.token = joined

    def _kept(self, token: str, owner: str) -> Place | None:
        """Of a viewer who is gone, or whose connection is dead and nobody has noticed."""
        for queued, visit in self._queued.items():
            if visit.token == token and may_have(queued.owner, owner):
                self._vacate(queued)
                return queued
        return self._parked.take(token, owner, now())

    def _vacate(self, queued: Place) -> None:
        """Another connection has it now: two may have come with the same token at once."""
        if queued in self._queued:
            self._lost(queued, "taken")
            del self._queued[queued]
            self.queue.leave(queued)

    def _queue_up(self, visit: Visit) -> None:
        """Raises `Rejected`."""
        if visit.place is None:
            visit.place = self._joined(visit.owner)
        else:
            self._vacate(visit.place)
            self.queue.come_back(visit.place)
        self._queued[visit.place] = visit
        if visit.place.number:
            visit.token = visit.token or new_token()
            self._others.enter(visit.place, visit.token)

    def _joined(self, owner: str) -> Place:
        """A place, perhaps one of somebody who has many. Raises `Rejected`."""
        try:
            return self.queue.join(owner)
        except QueueFull:
            surplus = self.queue.surplus(owner)
        if surplus is None:
            raise full()
        crowding = self._queued[surplus]
        self._lost(surplus, "evicted")
        self.unqueue(crowding)
        return self.queue.join(owner)

    def unqueue(self, visit: Visit, *, kept: bool = False) -> None:
        """`kept`: its viewer may come back."""
        if visit.place is None or not self._takes_from_queue(visit):
            return
        self.queue.leave(visit.place)
        if kept and visit.token is not None:
            self._parked.put(visit.token, visit.place, now())
        self._others.leave(visit.place, "kept" if kept else "left")

    def _takes_from_queue(self, visit: Visit) -> bool:
        """False: it is not queued, or another connection has taken its place over."""
        if visit.place is None or self._queued.get(visit.place) is not visit:
            return False
        del self._queued[visit.place]
        return True

    def _choice(self, visit: Visit) -> Backend | None:
        mean_s = self.lengths.mean_s or 0.0
        wish = Wish(visit.client, now(), mean_s, visit.store, visit.home)
        return place(self._table, self._settings.chosen_strategy, wish)

    def _begin(self, visit: Visit, backend: Backend) -> None:
        if visit.place is not None and self._takes_from_queue(visit):
            self.queue.serve(visit.place)
        visit.backend = backend
        self._table.begin(backend, visit.session, now())

    def take_over(self, visit: Visit, backend: Backend) -> None:
        """A slot there that another connection gives back afterwards; should the backend not know
        that in time, the next one that it has."""
        visit.place, visit.backend = self.queue.ahead(visit.owner), backend
        self._table.begin(backend, visit.session, now())

    def took(self, visit: Visit) -> None:
        """Its backend did. Until then other routers let it go first: it may have to come back."""
        taken, visit.place = visit.place, None
        if taken is not None:
            self._vacate(taken)
            self._others.leave(taken, "served")

    def gone(self, visit: Visit) -> None:
        """Its viewer is, and may come back to its place in the queue."""
        self.unqueue(visit, kept=True)
        opening = visit.place if visit.backend is not None else None
        if opening is not None and opening not in self._queued:
            self._others.leave(opening, "left")
        self.give_back(visit)

    def take_reserved(self, visit: Visit) -> None:
        """Instead of the slot that it had."""
        self.give_back(visit)
        reserved, visit.reserved = visit.reserved, None
        if reserved is not None:
            self.unqueue(reserved)
            visit.session, visit.backend, reserved.backend = (
                reserved.session,
                reserved.backend,
                None,
            )

    def give_back(self, visit: Visit) -> None:
        backend, visit.backend = visit.backend, None
        if backend is not None:
            self._table.end(backend, visit.session)

    def _tell_places(self) -> None:
        if self._telling is None:
            wait_s = max(0.0, self._told_at + TELL_EVERY_S - now())
            self._telling = asyncio.get_running_loop().call_later(wait_s, self._tell_now)

    def _tell_now(self) -> None:
        self._telling, self._told_at = None, now()
        depth = self.depth
        playing: Sequence[Playing] | None = None
        for index, queued in enumerate(self.queue.places):
            visit = self._queued[queued]
            position = index + self._others.ahead(queued)
            if visit.told != (position, depth):
                visit.told = position, depth
                playing = self._playing() if playing is None else playing
                eta = self._eta_s(visit, position, playing)
                visit.viewer.tell(QueueStatus(position, depth, eta, visit.token))

    def _playing(self) -> list[Playing]:
        found = (visit.playing(now()) for visit in self._visits())
        return [one for one in found if one is not None]

    def _eta_s(self, visit: Visit, position: int, playing: Sequence[Playing]) -> float | None:
        """While there is no backend the wait is for one that starts, since the viewer came at
        most."""
        if self._table.takes_new:
            return eta_s(position, playing, self._table.capacity, self.lengths.mean_s)
        if self._table.start_s is None:
            return self.cold_starts.eta_s(now())
        return round(max(1.0, self._table.start_s - (now() - visit.since)), 1)

    def _heed_cold_start(self) -> None:
        if not self._table.all_asked or not len(self.queue):
            self.cold_starts.give_up()
        elif not self._table.takes_new:
            self.cold_starts.begin(now())
        elif self.cold_starts.end(now()):
            self._others.tell_cold_start(self.cold_starts.mean_s or 0.0)

    # Other routers

    def _looked(self) -> None:
        if self.cold_starts.mean_s is None:
            self.cold_starts.mean_s = self._others.cold_start_s
        self.changed()

    def _lost(self, queued: Place, why: Loss) -> None:
        """Another router has it, or it made room for somebody of another owner."""
        visit = self._queued.get(queued)
        if visit is None or visit.turn is None or visit.turn.done():
            return
        taken = Rejected(busy("another connection has this place in the queue"), "place_taken")
        visit.turn.set_exception(taken if why == "taken" else full())
