"""The connections that there are: how many there may be, and how long each may take for what.

Pure but for what it tells their transports: time is passed in, and nothing here waits.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from matinee.serving.turns import Account
from matinee_api.config.connection_limits import ConnectionLimits


class Phase(Enum):
    """What a connection is at."""

    HEAD = auto()  # its request's head has not come so far
    BODY = auto()
    ANSWER = auto()  # we work for it
    IDLE = auto()  # it may ask again
    SILENT = auto()  # a WebSocket that has said nothing so far
    STREAM = auto()


IDLERS = frozenset({Phase.HEAD, Phase.IDLE, Phase.SILENT})
"""Nothing is lost with these."""


class Leaving(Protocol):
    """What is asked of a transport."""

    def is_closing(self) -> bool: ...

    def abort(self) -> None: ...


@dataclass(slots=True, eq=False)
class Guest:
    """A connection. `since`: when its phase began; `stuck_since`: it reads nothing of what waits
    for it; `time_out`: tells it that its request takes too long."""

    address: str
    transport: Leaving
    time_out: Callable[[], None]
    since: float
    phase: Phase = Phase.HEAD
    account: Account = field(default_factory=Account)
    stuck_since: float | None = None
    closing_since: float | None = None

    def enter(self, phase: Phase, now: float) -> None:
        self.phase, self.since = phase, now
        if phase is Phase.SILENT:
            self.time_out = self.transport.abort  # its request is done, and needs no memory


class TooMany(Exception):
    """There is no room for another connection; the message names the limit."""


class Guests:
    """`most`: connections in all; the other limits are those of `limits`."""

    def __init__(self, limits: ConnectionLimits, most: int) -> None:
        self._limits = limits
        self._most = most
        self._guests: dict[Guest, None] = {}
        self._of_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._guests)

    def add(self, guest: Guest) -> None:
        """When all places are taken, the one that has idled longest is cut off. Raises `TooMany`
        when there is none."""
        self._make_room(guest.address)
        self._guests[guest] = None
        self._of_address[guest.address] += 1

    def remove(self, guest: Guest) -> None:
        """A second time changes nothing."""
        if guest in self._guests:
            del self._guests[guest]
            self._of_address[guest.address] -= 1
            if not self._of_address[guest.address]:
                del self._of_address[guest.address]

    def sweep(self, now: float) -> None:
        """End those that take too long."""
        for guest in list(self._guests):
            if guest.transport.is_closing():
                guest.closing_since = now if guest.closing_since is None else guest.closing_since
            match overdue(guest, self._limits, now):
                case "request":
                    guest.time_out()
                case "reading":
                    guest.transport.abort()

    def _make_room(self, address: str) -> None:
        most = self._limits.connections_per_address
        if most and self._of_address[address] >= most:
            same = [guest for guest in self._guests if guest.address == address]
            self._cut_off_one(same, f"{most} connections of one address, as many as there may be")
        if len(self._guests) >= self._most:
            self._cut_off_one(
                list(self._guests), f"{self._most} connections, all that there may be"
            )

    def _cut_off_one(self, guests: list[Guest], full: str) -> None:
        idle = [guest for guest in guests if guest.transport.is_closing() or guest.phase in IDLERS]
        if not idle:
            raise TooMany(f"this server has {full}")
        longest = min(idle, key=lambda guest: (not guest.transport.is_closing(), guest.since))
        self.remove(longest)
        longest.transport.abort()


def overdue(guest: Guest, limits: ConnectionLimits, now: float) -> str | None:
    """What it took too long for: `request`, to send one; `reading`, to read what waits for it."""
    if guest.closing_since is not None:
        return "reading" if now - guest.closing_since >= limits.close_seconds else None
    if guest.stuck_since is not None and now - guest.stuck_since >= limits.unread_seconds:
        return "reading"
    patience_s = {Phase.HEAD: limits.head_seconds, Phase.BODY: limits.body_seconds}.get(guest.phase)
    return "request" if patience_s is not None and now - guest.since >= patience_s else None


def address_of(peer: object) -> str:
    """Whose connection it is: an IPv4 address, or the network of an IPv6 one, of which everybody
    has billions. `peer`: as a socket tells it."""
    host = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else address.packed[:8].hex()
