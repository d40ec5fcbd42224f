"""Tickets: a page gets one for its key and shows it, once and within seconds, to open a stream.

A browser sets no header of a WebSocket, and what a page says instead is written down on the way. So
that is nothing of value. A ticket is signed with a secret that all routers share, so any of them
takes it and none has to remember what it gave out; what was used is remembered until it expires.
Pure: time is passed in, in seconds since 1970.

    nonce (16 bytes), expiry in ms (8), id of the key (8), signature (16): 64 characters of base64
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence

LIFETIME_S = 30.0
SKEW_S = 5.0
"""By which the clocks of two routers may differ."""
MOST_USED = 65_536
"""Tickets that are remembered; while there are so many none is taken."""
LEAST_SECRET_BYTES = 32
"""A shorter one could be found by trying, from a ticket and what it signs."""
CHARACTERS = 64
_BODY = struct.Struct(">16sQ8s")
_SIGNATURE_BYTES = 16


class TooManyTickets(Exception):
    """More were used lately than can be remembered."""


class Tickets:
    """`shared`: secrets that other routers have too, the one to sign with first. Without any of
    enough bytes a router takes its own tickets alone."""

    def __init__(self, shared: Callable[[], Sequence[bytes]]) -> None:
        self._shared = shared
        self._own = secrets.token_bytes(32)
        self._used: OrderedDict[bytes, float] = OrderedDict()
        """When each is forgotten, the first one first."""

    def issue(self, key_id: bytes, now_s: float) -> str:
        """`key_id`: 8 bytes."""
        expires_ms = round((now_s + LIFETIME_S) * 1000)
        body = _BODY.pack(secrets.token_bytes(16), expires_ms, key_id)
        return base64.urlsafe_b64encode(body + _signature(self._secrets()[0], body)).decode()

    def redeem(self, ticket: str, now_s: float) -> bytes | None:
        """Whose it is; None of one that is no ticket of ours, has expired or was used before.
        Raises `TooManyTickets`."""
        body = self._body(ticket)
        if body is None:
            return None
        nonce, expires_ms, key_id = _BODY.unpack(body)
        left_s = expires_ms / 1000 - now_s
        self._forget(now_s)
        if not 0 < left_s <= LIFETIME_S + SKEW_S or nonce in self._used:
            return None
        if len(self._used) >= MOST_USED:
            raise TooManyTickets
        self._used[nonce] = now_s + LIFETIME_S + SKEW_S
        return bytes(key_id)

    def _body(self, ticket: str) -> bytes | None:
        if len(ticket) != CHARACTERS or not ticket.isascii():
            return None
        try:
            whole = base64.b64decode(ticket, altchars=b"-_", validate=True)
        except binascii.Error:
            return None
        body, signature = whole[: _BODY.size], whole[_BODY.size :]
        fits = [hmac.compare_digest(signature, _signature(one, body)) for one in self._secrets()]
        return body if any(fits) else None

    def _secrets(self) -> Sequence[bytes]:
        return [one for one in self._shared() if len(one) >= LEAST_SECRET_BYTES] or [self._own]

    def _forget(self, now_s: float) -> None:
        while self._used and next(iter(self._used.values())) <= now_s:
            self._used.popitem(last=False)


def _signature(secret: bytes, body: bytes) -> bytes:
    return hmac.digest(secret, b"matinee ticket " + body, "sha256")[:_SIGNATURE_BYTES]
