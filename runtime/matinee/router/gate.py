"""What a request must bring: a Host of ours, an allowed Origin, a known key. Pure but for the keys'
file, which is looked at each time.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from websockets.datastructures import Headers

from matinee.router.tickets import LIFETIME_S, Tickets, TooManyTickets
from matinee.serving.allowance import Allowance
from matinee.serving.bearers import Bearers
from matinee.serving.keys import SUBPROTOCOL, Key, Keys, given_key, given_ticket
from matinee.serving.names import host_refusal, origin_allowed
from matinee.serving.refusal import Refusal
from matinee_api.config.router_config import RouterSettings

NEEDS_A_KEY = "this needs the header Authorization: Bearer KEY, with a key of this router"
NOT_A_TICKET = "this ticket is unknown, was used before or has expired; ask for another one"
NO_KEYS = "this router wants no key, so there are no tickets: open the stream without one"
TOO_OFTEN = "too many tickets are asked for at once; try again in a second"
OTHER_ORIGIN = "this origin may not stream"
BEARER = {"www-authenticate": "Bearer"}
AGAIN = {"retry-after": "1"}
TICKETS_AT_ONCE = 64
"""Of one owner, and as many again in the time that a ticket lives."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who may enter. `key`: None where nobody needs one. `subprotocol`: to agree to. `ticket`: that
    was shown, and is used at this router now."""

    key: Key | None = None
    subprotocol: str | None = None
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a page is given."""

    text: str
    seconds: float = LIFETIME_S


class Gate:
    """`control`: tokens that sign tickets, if there are any. `clock` gives seconds since 1970.
    Raises `ConfigError` when the keys' file is wrong at the start."""

    def __init__(
        self,
        settings: RouterSettings,
        control: Bearers | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        node = platform.node()
        self.own_names = (*settings.allowed_hosts, settings.host, node, f"{node}.local")
        self._origins = settings.allowed_origins
        self._keys = Keys(Path(settings.keys_file)) if settings.keys_file else None
        self._clock = clock
        self._tickets = Tickets(control.known if control else tuple)
        self._asked: dict[str, Allowance] = {}

    @property
    def open(self) -> bool:
        """Anybody may enter."""
        return self._keys is None

    def viewer(self, headers: Headers) -> Entry | Refusal:
        """Of a handshake."""
        hosts = headers.get_all("host")
        if (refusal := host_refusal(hosts, "1.1", self.own_names)) is not None:
            return refusal
        if not self.origins_fit(headers.get_all("origin"), hosts[0]):
            return Refusal(HTTPStatus.FORBIDDEN, OTHER_ORIGIN)
        lowered = _lowered(headers)
        ticket = given_ticket(lowered)
        entry = self._with(ticket) if ticket is not None else self.holder(given_key(lowered))
        if isinstance(entry, Refusal):
            return entry
        offered = ",".join(headers.get_all("sec-websocket-protocol")).split(",")
        agreed = SUBPROTOCOL if SUBPROTOCOL in map(str.strip, offered) else None
        return Entry(entry.key, agreed, entry.ticket)

    def holder(self, given: str | None) -> Entry | Refusal:
        """Of any request with this key."""
        if self._keys is None:
            return Entry()
        key = self._keys.holder(given)
        if key is None:
            return Refusal(HTTPStatus.UNAUTHORIZED, NEEDS_A_KEY, BEARER)
        return Entry(key)

    def origins_fit(self, origins: Sequence[str], host: str | None) -> bool:
        """Whether the page that asks may open streams."""
        said: Sequence[str | None] = origins or (None,)
        return all(origin_allowed(origin, host, self._origins) for origin in said)

    def ticket(self, given: str | None) -> Ticket | Refusal:
        """For the key that is given."""
        entry = self.holder(given)
        if isinstance(entry, Refusal):
            return entry
        if entry.key is None:
            return Refusal(HTTPStatus.NOT_FOUND, NO_KEYS)
        now_s, owner = self._clock(), entry.key.name
        asked = self._asked.setdefault(
            owner, Allowance(TICKETS_AT_ONCE / LIFETIME_S, TICKETS_AT_ONCE, now_s)
        )
        if asked.room(now_s) < 1:
            return Refusal(HTTPStatus.TOO_MANY_REQUESTS, TOO_OFTEN, AGAIN)
        asked.spend(1, now_s)
        return Ticket(self._tickets.issue(entry.key.id, now_s))

    def _with(self, ticket: str) -> Entry | Refusal:
        if self._keys is None:
            return Entry()
        try:
            key_id = self._tickets.redeem(ticket, self._clock())
        except TooManyTickets:
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, TOO_OFTEN, AGAIN)
        key = self._keys.of_id(key_id) if key_id is not None else None
        if key is None:
            return Refusal(HTTPStatus.UNAUTHORIZED, NOT_A_TICKET, BEARER)
        return Entry(key, ticket=ticket)


def _lowered(headers: Headers) -> dict[str, str]:
    """Each name once: several values of one are a list, as HTTP says."""
    names = {name.lower() for name, _ in headers.raw_items()}
    return {name: ", ".join(headers.get_all(name)) for name in names}
