"""Who gets in, and where: from a viewer's handshake to the backend that its session is placed on.

A viewer that may enter is upgraded at once, because only then can a browser be told anything. It is
placed when its first message has come: on a backend with a free slot, or after a while in the
queue. A backend that takes it not after all is left out until it is heard of again, and the viewer
has its old place in the queue.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any

from websockets.http11 import Request

from matinee.router.connecting import open_session
from matinee.router.first_message import client_id_of
from matinee.router.gate import Gate
from matinee.router.heartbeats import Heartbeats
from matinee.router.key_limits import KeyLimits
from matinee.router.moves import Moves
from matinee.router.returning import Returning
from matinee.router.seating import Seating
from matinee.router.table import Table
from matinee.router.tally import Tally
from matinee.router.upstream import NotReached, NotTaken, Unwelcome, Upstream, heard_by
from matinee.router.viewer import Viewer
from matinee.router.visit import Rejected, Visit, busy, now
from matinee.serving.byte_budget import ByteBudget
from matinee.serving.door import Door
from matinee.serving.refusal import Refusal
from matinee.wire.server_messages import Error, SessionMigrated, SessionTimeout, StreamComplete
from matinee_api.config.router_config import RouterSettings

if TYPE_CHECKING:
    from matinee.router.shared_queue import SharedQueue

STREAM_PATH = "/v1/stream"
ENDING_S = 0.5
"""Of the grace at the end, at most half: for connections that are cut off."""

logger = logging.getLogger(__name__)


class Reception:
    """The owner of the table calls `changed` after each change of it."""

    def __init__(
        self,
        settings: RouterSettings,
        table: Table,
        gate: Gate,
        shared: SharedQueue | None = None,
    ) -> None:
        self.message_bytes = settings.message_bytes
        self.held = ByteBudget(max(settings.queue.held_bytes, 2 * settings.message_bytes))
        self.shared = shared
        self._visits: dict[Viewer, Visit] = {}
        self._seating = Seating(settings, table, self._visits.values, shared)
        self.tally = Tally(table, self._seating.queue, shared)
        self._settings = settings
        self._gate = gate
        self._limits = KeyLimits(shared)
        self.heartbeats = Heartbeats(settings.heartbeat_seconds, self._visits.values)
        self._sessions = count()
        self._returning = Returning(self._visits.values, self._seating)
        self._moves = Moves(self._seating, table, self._sessions)
        self._connected: dict[Viewer, str | None] = {}
        """And the ticket that each has shown."""
        self._closed = False
        self._empty = asyncio.Event()

    @property
    def queued(self) -> int:
        """Viewers that wait for a slot."""
        return len(self._seating.queue)

    @property
    def upstreams(self) -> list[Upstream]:
        """Of the sessions that play."""
        return [visit.upstream for visit in self._visits.values() if visit.upstream is not None]

    def facts(self) -> list[dict[str, Any]]:
        """Of each session, for who runs the router."""
        return [visit.facts(now()) for visit in self._visits.values()]

    # From the server

    def changed(self) -> None:
        """The table did."""
        self._seating.changed()
        self._moves.look(self._visits.values())

    def viewer(self, door: Door, **uvicorns: Any) -> Viewer:
        """What uvicorn makes for each upgrade."""
        return Viewer(self, door, **uvicorns)

    async def shut_down(self) -> None:
        """Every viewer is told, and has some time to read it."""
        self._closed = True
        for viewer in list(self._connected):
            viewer.close(StreamComplete(reason="drained"), code=1012, reason="router_shutdown")
        if self._connected:
            self._empty.clear()
            try:
                grace_s = self._settings.shutdown_grace_seconds
                async with asyncio.timeout(grace_s - min(ENDING_S, grace_s / 2)):
                    await self._empty.wait()
            except TimeoutError:
                logger.info("%d viewers did not leave in time", len(self._connected))

    # From viewers

    def welcome(self, viewer: Viewer, request: Request) -> Refusal | str | None:
        """A refusal before the upgrade, or the subprotocol to agree to."""
        self._connected[viewer] = None
        if request.path.partition("?")[0] != STREAM_PATH:
            return Refusal(HTTPStatus.NOT_FOUND, f"there is no stream here, only at {STREAM_PATH}")
        if not request.path.isascii():
            return Refusal(HTTPStatus.BAD_REQUEST, "the path is not ASCII")
        if self._closed:
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "this router is shutting down")
        entry = self._gate.viewer(request.headers)
        if isinstance(entry, Refusal):
            self.tally.refusals[entry.status.phrase] += 1
            return entry
        viewer.key, self._connected[viewer] = entry.key, entry.ticket
        return entry.subprotocol

    def seat(self, viewer: Viewer) -> None:
        """It was upgraded."""
        visit = Visit(next(self._sessions), viewer, now())
        self._visits[viewer] = visit
        visit.task = asyncio.create_task(self._serve(visit), name="the seating of a viewer")

    def lost(self, viewer: Viewer) -> None:
        """Its backend ended the connection without a word."""
        self.tally.lost += 1
        visit = self._visits.get(viewer)
        if visit is not None:
            self._blame(visit)

    def move(self, viewer: Viewer, *, lost: bool) -> bool:
        """Another backend is to go on; its own is `lost`, or let go of it. False: none may."""
        visit = self._visits.get(viewer)
        if visit is None or self._closed or not self._settings.failover_seconds:
            return False
        if lost:
            self._blame(visit)
        elif visit.backend is not None:
            visit.backend.refused()  # it goes: nothing for it before it is heard of again
        visit.task = asyncio.create_task(self._move(visit), name="the move of a session")
        return True

    def left(self, viewer: Viewer) -> None:
        """It is served no longer. A second time changes nothing."""
        visit = self._visits.pop(viewer, None)
        if visit is None:
            return
        if visit.task is not None and visit.task is not asyncio.current_task():
            visit.task.cancel()
        self._limits.end(visit)
        self._returning.note(visit)
        self._count_bytes(visit)
        if visit.began is not None:
            self.tally.bytes["to_backends"] += viewer.sent_bytes
            self._seating.lengths.remember(now() - visit.began)
        self._moves.forget(visit)
        self._seating.gone(visit)
        self._seating.changed()

    def gone(self, viewer: Viewer) -> None:
        """Its connection has ended."""
        self._connected.pop(viewer, None)
        if not self._connected:
            self._empty.set()

    # Within

    async def _serve(self, visit: Visit) -> None:
        viewer = visit.viewer
        try:
            if await self._spoke(viewer):
                self.heartbeats.begin(visit)
                await self._open(visit)
        except Rejected as rejected:
            self.tally.refusals[rejected.reason] += 1
            last = rejected.error, StreamComplete(reason="error")
            viewer.close(*last, code=1013, reason=rejected.reason)
        except Exception:
            logger.exception("a viewer could not be seated")
            error = Error(code="internal_error", message="the router made a mistake")
            viewer.close(error, StreamComplete(reason="error"), code=1011, reason="internal_error")
        finally:
            if visit.task is asyncio.current_task():
                visit.task = None

    async def _spoke(self, viewer: Viewer) -> bool:
        """Whether its first message came."""
        limit_s = self._settings.limits.first_message_seconds
        try:
            async with asyncio.timeout(limit_s):
                return await asyncio.shield(viewer.first)
        except TimeoutError:
            silent = SessionTimeout(timeout_seconds=round(limit_s))
            last = silent, StreamComplete(reason="timeout")
            viewer.close(*last, code=1000, reason="session_timeout")
            return False

    async def _open(self, visit: Visit) -> None:
        """Raises `Rejected`."""
        self._returning.heed(visit)
        await self._limits.begin(visit)
        ticket = self._connected.get(visit.viewer)
        if ticket and self.shared and not await self.shared.first_use(ticket):
            raise Rejected(busy("this ticket was used at another router"), "ticket_used")
        visit.client = self._client(visit)
        visit.upstream = await self._upstream(visit)
        self._seating.took(visit)
        assert visit.backend is not None  # noqa: S101 - it is whose upstream that is
        self.tally.placed(visit.backend.address.name)
        visit.began = now()
        visit.viewer.splice(visit.upstream)

    async def _move(self, visit: Visit) -> None:
        viewer, lost_at = visit.viewer, now()
        self._seating.take_reserved(visit)
        self._moves.forget(visit)
        self._count_bytes(visit)
        visit.place, visit.since = self._seating.queue.ahead(visit.owner), lost_at
        try:
            async with asyncio.timeout(self._settings.failover_seconds):
                said = await self._reopen(visit)
        except (Rejected, NotReached, TimeoutError, ValueError) as error:
            logger.warning("a session could not be moved: %s", error)
            self.tally.lost += 1
            viewer.give_up()
            return
        except Exception:
            logger.exception("a session could not be moved")
            viewer.give_up()
            return
        assert visit.upstream is not None  # noqa: S101 - it was opened
        gap_ms = round((now() - lost_at) * 1000, 1)
        self.tally.moved(gap_ms / 1000)
        viewer.moved(visit.upstream, said, SessionMigrated(viewer.journal.session_id, gap_ms))

    async def _reopen(self, visit: Visit) -> list[bytes]:
        """What its new backend has not heard of the viewer. Raises `Rejected`, `NotReached` and
        `ValueError`."""
        journal, upstream = visit.viewer.journal, await self._upstream(visit)
        try:
            answer = await upstream.asked(journal.resume())
            said = journal.after(heard_by(answer))
        except BaseException:
            upstream.leave()
            raise
        visit.upstream = upstream
        return said

    def _blame(self, visit: Visit) -> None:
        if visit.backend is not None and not visit.viewer.was_slow:
            logger.warning("%s was lost in the midst of a session", visit.backend.address.name)
            visit.backend.failed()
            visit.backend.refused()

    def _count_bytes(self, visit: Visit) -> None:
        upstream, visit.upstream = visit.upstream, None
        if upstream is not None:
            self.tally.bytes["to_viewers"] += upstream.received_bytes

    def _client(self, visit: Visit) -> str:
        """Who is to hash to the same backend again."""
        hashes = self._settings.chosen_strategy == "hash"
        said = client_id_of(visit.viewer.early.pieces) if hashes else None
        return said or visit.owner

    async def _upstream(self, visit: Visit) -> Upstream:
        """Raises `Rejected`."""
        timeout_s = self._settings.health_check.timeout_seconds
        backend = visit.backend or await self._seating.turn(visit)
        while True:
            viewer, tellings = visit.viewer, backend.tellings
            try:
                return await open_session(backend.address, viewer.path, viewer.client, timeout_s)
            except NotTaken:
                self.tally.not_taken += 1
            except NotReached as error:
                logger.warning("%s could not be reached: %s", backend.address.name, error)
                if not isinstance(error, Unwelcome):
                    backend.failed()
            backend.refused(tellings)
            backend = await self._seating.turn(visit)
