"""Which backend a viewer's session gets, and who is queued for one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matinee.router.placement import Wish, place
from matinee.router.queue import Place, Queue
from matinee.router.table import Backend, Table
from matinee.router.upstream import Upstream
from matinee.serving.admission import QueueFull
from matinee.serving.session_lengths import SessionLengths
from matinee.wire.server_messages import Error, QueueStatus
from matinee_api.config.router_config import RouterSettings

if TYPE_CHECKING:
    from matinee.router.viewer import Viewer

RETRY_AFTER_S = 5.0
TELL_EVERY_S = 0.25
"""How often those who wait are told their places: who comes and goes shall not cost a message to
each of them each time."""


class Rejected(Exception):
    """A viewer gets no session. `reason`: of the close frame, and for the metrics."""

    def __init__(self, error: Error, reason: str) -> None:
        super().__init__(error.message)
        self.error = error
        self.reason = reason


@dataclass(slots=True, eq=False)
class Visit:
    """One viewer's way through the reception. `turn`: ends with the backend that has a slot."""

    session: int
    viewer: Viewer
    since: float
    """When its wait began."""
    began: float | None = None
    """When its session did."""
    task: asyncio.Task[None] | None = None
    counted: bool = False
    client: str = ""
    place: Place | None = None
    turn: asyncio.Future[Backend] | None = None
    told: tuple[int, int] | None = None
    backend: Backend | None = None
    upstream: Upstream | None = None
    store: str | None = None
    """Only backends with that store of sessions will do."""
    reserved: Visit | None = None
    """The slot that the session is to have elsewhere."""

    @property
    def owner(self) -> str:
        key = self.viewer.key
        return f"key {key.name}" if key else f"address {self.viewer.address}"

    def facts(self, at: float) -> dict[str, Any]:
        """For who runs the router. `seconds`: since it began, or came."""
        began = self.since if self.began is None else self.began
        return {
            "session_id": self.viewer.journal.session_id or None,
            "state": "queued" if self.began is None else "playing" if self.upstream else "moving",
            "backend": self.backend.address.name if self.backend else None,
            "owner": self.owner,
            "seconds": round(at - began, 1),
        }


class Seating:
    """`lengths`: of the sessions that ended."""

    def __init__(self, settings: RouterSettings, table: Table) -> None:
        self.queue = Queue(settings.queue.max_waiting)
        self.lengths = SessionLengths()
        self._settings = settings
        self._table = table
        self._queued: dict[Place, Visit] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._told_at = 0.0

    def changed(self) -> None:
        """Slots may be free now."""
        for queued in self.queue.places:
            visit = self._queued[queued]
            if visit.turn is None or visit.turn.done():
                continue  # its wait is over
            backend = self._choice(visit)
            if backend is None:
                break
            self._begin(visit, backend)
            visit.turn.set_result(backend)
        self._tell_places()

    async def turn(self, visit: Visit) -> Backend:
        """A backend with a slot for it, now or later. Raises `Rejected`."""
        if visit.place is None and not len(self.queue):
            backend = self._choice(visit)
            if backend is not None:
                self._begin(visit, backend)
                return backend
        self._queue_up(visit)
        visit.turn = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout_at(self._deadline(visit)):
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

    def _queue_up(self, visit: Visit) -> None:
        """Raises `Rejected`."""
        if visit.place is None:
            visit.place = self._joined(visit.owner)
        else:
            self.queue.come_back(visit.place)
        self._queued[visit.place] = visit

    def _joined(self, owner: str) -> Place:
        """A place, perhaps one of somebody who has many. Raises `Rejected`."""
        try:
            return self.queue.join(owner)
        except QueueFull:
            surplus = self.queue.surplus(owner)
        full = Rejected(busy("all slots are taken and the queue is full"), "queue_full")
        if surplus is None:
            raise full
        crowding = self._queued[surplus]
        self.unqueue(crowding)
        if crowding.turn is not None and not crowding.turn.done():
            crowding.turn.set_exception(full)
        return self.queue.join(owner)

    def unqueue(self, visit: Visit) -> None:
        if visit.place is not None and self._queued.pop(visit.place, None) is not None:
            self.queue.leave(visit.place)

    def _choice(self, visit: Visit) -> Backend | None:
        wish = Wish(visit.client, now(), self.lengths.mean_s or 0.0, visit.store)
        return place(self._table, self._settings.chosen_strategy, wish)

    def _begin(self, visit: Visit, backend: Backend) -> None:
        if visit.place is not None and self._queued.pop(visit.place, None) is not None:
            self.queue.serve(visit.place)
        visit.backend = backend
        self._table.begin(backend, visit.session, now())

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
        depth = len(self.queue)
        for position, queued in enumerate(self.queue.places):
            visit = self._queued[queued]
            if visit.told != (position, depth):
                visit.told = position, depth
                visit.viewer.tell(QueueStatus(position, depth, self._eta_s(visit, position)))

    def _eta_s(self, visit: Visit, position: int) -> float | None:
        """Without any slot the wait is for a backend that starts, since the viewer came at most."""
        capacity, start_s = self._table.capacity, self._table.start_s
        if capacity or start_s is None:
            return self.lengths.eta_s(position, capacity)
        return round(max(1.0, start_s - (now() - visit.since)), 1)


def busy(message: str) -> Error:
    return Error("session_rejected", message, True, retry_after_seconds=RETRY_AFTER_S)


def now() -> float:
    return asyncio.get_running_loop().time()
