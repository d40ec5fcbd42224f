"""What the router reads in a client's first message, of which it may have the begin alone. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from websockets.utils import apply_mask

from matinee.router.early import FREE_BYTES
from matinee.router.frames import first_message

PEEK_BYTES = 4096
"""Where a client says which place in the queue it had, and whether it wants heartbeats."""
_BEATS = re.compile(rb'"heartbeat"\s{0,8}:\s{0,8}true')
_TOKEN = re.compile(rb'"queue_token"\s{0,8}:\s{0,8}"([A-Za-z0-9_-]{22})"')
_EXTENDED = {126: 2, 127: 8}


def queue_token_of(pieces: Sequence[bytes]) -> str | None:
    """Of the place that the client had, in the begin of its first frame. A string of JSON has no
    quote that is not escaped, so nothing of a prompt can be taken for it."""
    found = _TOKEN.search(_begin_of(pieces))
    return found[1].decode() if found else None


def wants_heartbeat(pieces: Sequence[bytes]) -> bool:
    """Said in the begin of its first frame, too."""
    return _BEATS.search(_begin_of(pieces)) is not None


def _begin_of(pieces: Sequence[bytes]) -> bytes:
    """Of the first frame's payload; nothing before its head is there."""
    received = b""
    for piece in pieces:
        received += piece[:PEEK_BYTES]
        if len(received) >= PEEK_BYTES:
            break
    if len(received) < 2:
        return b""
    head = 2 + _EXTENDED.get(received[1] & 0x7F, 0)
    mask, payload = received[head : head + 4], received[head + 4 : head + 4 + PEEK_BYTES]
    return apply_mask(payload, mask) if len(mask) == 4 else b""


@dataclass(frozen=True, slots=True)
class Comeback:
    """To a session. `fork`: to begin another one from there."""

    session_id: str
    token: str
    fork: bool


def comeback_of(pieces: Sequence[bytes]) -> Comeback | None:
    """Of a message that is there as a whole, is not long and says so early. The token is not judged
    here."""
    resume = _fields_of(pieces).get("resume") if b'"resume"' in _begin_of(pieces) else None
    if not isinstance(resume, dict):
        return None
    session_id, token = resume.get("session_id"), resume.get("token")
    if not (isinstance(session_id, str) and isinstance(token, str)):
        return None
    if not (session_id.isascii() and token.isascii()):
        return None
    return Comeback(session_id, token, bool(resume.get("fork")))


def client_id_of(pieces: Sequence[bytes]) -> str | None:
    """Of a message that is there as a whole and not long."""
    client = _fields_of(pieces).get("client_id")
    return client if isinstance(client, str) and client else None


def _fields_of(pieces: Sequence[bytes]) -> dict[str, Any]:
    held = b"".join(pieces)
    try:
        said = json.loads(first_message(held)) if 0 < len(held) <= FREE_BYTES else None
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
