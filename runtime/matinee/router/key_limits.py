"""Whether a viewer's key allows another session: at this router, and at all that share a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matinee.router.owners import Exceeded, Owners, words_of
from matinee.router.visit import Rejected, Visit, busy, now
from matinee.serving.keys import Key

if TYPE_CHECKING:
    from matinee.router.shared_queue import SharedQueue


class KeyLimits:
    """While there is no store that can be reached, what is allowed is allowed at each router."""

    def __init__(self, shared: SharedQueue | None) -> None:
        self._owners = Owners()
        self._shared = shared

    async def begin(self, visit: Visit) -> None:
        """Count a session. Raises `Rejected`."""
        key = visit.viewer.key
        if key is None:
            return
        _check(self._owners.begin(key, now()), key)
        visit.counted = True
        if self._shared is not None and (key.max_sessions or key.sessions_per_minute):
            exceeded = await self._shared.begin(key, visit.session)
            if exceeded is not None and visit.counted:
                visit.counted = False
                self._owners.take_back(key, now())
            _check(exceeded, key)

    def end(self, visit: Visit) -> None:
        """A second time changes nothing."""
        counted, visit.counted = visit.counted, False
        key = visit.viewer.key
        if counted and key is not None:
            self._owners.end(key)
            if self._shared is not None:
                self._shared.end(key, visit.session)


def _check(exceeded: Exceeded | None, key: Key) -> None:
    if exceeded is not None:
        raise Rejected(busy(words_of(exceeded, key)), "key_limit")
