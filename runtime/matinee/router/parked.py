"""Places of viewers whose connection was lost: for a while they may have them back. Pure."""

from __future__ import annotations

import secrets
from collections import OrderedDict

from matinee.router.queue import Place

KEY_OWNER = "key "
"""How an owner begins that is known by a key."""


class Parked:
    """`kept_s`: how long; `most`: how many, then the oldest one is forgotten."""

    def __init__(self, kept_s: float, most: int) -> None:
        self._kept_s = kept_s
        self._most = most
        self._places: OrderedDict[str, tuple[float, Place]] = OrderedDict()

    def put(self, token: str, place: Place, now: float) -> None:
        self._places[token] = now + self._kept_s, place
        self._places.move_to_end(token)
        if len(self._places) > self._most:
            self._places.popitem(last=False)

    def take(self, token: str, owner: str, now: float) -> Place | None:
        """None of one that is unknown, is another key's, or was kept for too long."""
        until, place = self._places.get(token, (0.0, None))
        if place is None or not may_have(place.owner, owner):
            return None
        del self._places[token]
        return place if until > now else None


def may_have(before: str, owner: str) -> bool:
    """What is a key's is no other's; an address may have changed with the network."""
    return before == owner or not any(one.startswith(KEY_OWNER) for one in (before, owner))


def new_token() -> str:
    """128 random bits."""
    return secrets.token_urlsafe(16)
