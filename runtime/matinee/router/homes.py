"""Where sessions were, for who comes back to one. Pure.

Servers that share no store know their own sessions alone. So a session that is asked for again goes
to the server that had it, or to one that shares that server's store.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from matinee.router.table import Backend

MOST_KEPT = 4096
"""Sessions that have ended here; then the one that ended first is forgotten."""
KEPT_S = 3600.0
"""As long as servers keep states, if nothing else is said."""


@dataclass(frozen=True, slots=True)
class Home:
    """Of a session: the server that had it, and which store that shared; "" or None: none."""

    url: str
    name: str
    store: str | None = None

    @classmethod
    def at(cls, backend: Backend) -> Home:
        return cls(backend.address.url, backend.address.name, backend.store)

    def is_at(self, backend: Backend) -> bool:
        """Whether the session is known there. Another server may have the address by now."""
        if self.store:
            return backend.store == self.store
        return (backend.address.url, backend.address.name) == (self.url, self.name)


class Homes:
    """Of sessions that do not play here at the moment."""

    def __init__(self) -> None:
        self._homes: OrderedDict[str, tuple[float, Home]] = OrderedDict()

    def note(self, session_id: str, home: Home, now: float) -> None:
        self._homes[session_id] = now + KEPT_S, home
        self._homes.move_to_end(session_id)
        if len(self._homes) > MOST_KEPT:
            self._homes.popitem(last=False)

    def of(self, session_id: str, now: float) -> Home | None:
        """None of one that was not here, or long ago."""
        until, home = self._homes.get(session_id, (0.0, None))
        return home if until > now else None
