"""One viewer's way through the reception, and why somebody is turned away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matinee.router.homes import Home
from matinee.router.parked import KEY_OWNER
from matinee.router.queue import Place
from matinee.router.table import Backend
from matinee.router.upstream import Upstream
from matinee.router.waiting import Playing
from matinee.wire.server_messages import Error

if TYPE_CHECKING:
    from matinee.router.viewer import Viewer

RETRY_AFTER_S = 5.0


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
    beats: bool = False
    """It asked for heartbeats."""
    client: str = ""
    place: Place | None = None
    token: str | None = None
    """Who says it after the connection was lost has the place back."""
    turn: asyncio.Future[Backend] | None = None
    told: tuple[int, int] | None = None
    backend: Backend | None = None
    upstream: Upstream | None = None
    store: str | None = None
    """Only backends with that store of sessions will do."""
    home: Home | None = None
    """Where the session is that the viewer comes back to."""
    reserved: Visit | None = None
    """The slot that the session is to have elsewhere."""

    @property
    def owner(self) -> str:
        key = self.viewer.key
        return f"{KEY_OWNER}{key.name}" if key else f"address {self.viewer.address}"

    def playing(self, at: float) -> Playing | None:
        """None of a session that has not begun."""
        if self.began is None or self.backend is None:
            return None
        return Playing(at - self.began, self.viewer.journal.told, self.backend.segment_cap)

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


def full() -> Rejected:
    return Rejected(busy("all slots are taken and the queue is full"), "queue_full")


def busy(message: str) -> Error:
    return Error("session_rejected", message, True, retry_after_seconds=RETRY_AFTER_S)


def now() -> float:
    return asyncio.get_running_loop().time()
