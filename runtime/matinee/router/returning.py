"""Who comes back to a session: where it was, and the slot that it still has there.

A connection that was lost may stand for a while: nobody has noticed. Who has the session's token
takes the slot over, as a place in the queue is taken over by its token; so nobody waits behind
others for what is still held for them, and no key's limit counts them twice.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable

from matinee.router.first_message import comeback_of
from matinee.router.homes import Home, Homes
from matinee.router.seating import Seating
from matinee.router.visit import Visit, now
from matinee.wire.server_messages import Error, StreamComplete

TAKEN_OVER = "the session goes on in another connection"


class Returning:
    """`visits`: all of them."""

    def __init__(self, visits: Callable[[], Iterable[Visit]], seating: Seating) -> None:
        self._visits = visits
        self._seating = seating
        self._homes = Homes()

    def heed(self, visit: Visit) -> None:
        """Its first message is there."""
        wanted = comeback_of(visit.viewer.early.pieces)
        if wanted is None:
            return
        visit.home = self._homes.of(wanted.session_id, now())
        before = self._playing(wanted.session_id)
        if before is None or before.backend is None:
            return
        visit.home = Home.at(before.backend)
        if not wanted.fork and _same(before.viewer.journal.token, wanted.token):
            self._seating.take_over(visit, before.backend)
            self._end(before)

    def note(self, visit: Visit) -> None:
        """It ends here."""
        session_id = visit.viewer.journal.session_id
        if session_id and visit.backend is not None:
            self._homes.note(session_id, Home.at(visit.backend), now())

    def _playing(self, session_id: str) -> Visit | None:
        found = (one for one in self._visits() if one.viewer.journal.session_id == session_id)
        return next(found, None)

    @staticmethod
    def _end(visit: Visit) -> None:
        error = Error(code="session_taken_over", message=TAKEN_OVER)
        last = error, StreamComplete(reason="error")
        visit.viewer.close(*last, code=1008, reason="session_taken_over")


def _same(token: str, given: str) -> bool:
    return bool(token) and hmac.compare_digest(token.encode(), given.encode())
