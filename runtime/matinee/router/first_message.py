"""What the router reads in a client's first message, of which it may have the begin alone. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from websockets.utils import apply_mask

from matinee.router.early import FREE_BYTES
from matinee.router.frames import first_message

PEEK_BYTES = 4096
"""Where a client says which place in the queue it had."""
_TOKEN = re.compile(rb'"queue_token"\s{0,8}:\s{0,8}"([A-Za-z0-9_-]{22})"')
_EXTENDED = {126: 2, 127: 8}


def queue_token_of(pieces: Sequence[bytes]) -> str | None:
    """Of the place that the client had, in the begin of its first frame. A string of JSON has no
    quote that is not escaped, so nothing of a prompt can be taken for it."""
    received = b""
    for piece in pieces:
        received += piece[:PEEK_BYTES]
        if len(received) >= PEEK_BYTES:
            break
    if len(received) < 2:
        return None
    head = 2 + _EXTENDED.get(received[1] & 0x7F, 0)
    mask, payload = received[head : head + 4], received[head + 4 : head + 4 + PEEK_BYTES]
    if len(mask) < 4:
        return None
    found = _TOKEN.search(apply_mask(payload, mask))
    return found[1].decode() if found else None


def client_id_of(pieces: Sequence[bytes]) -> str | None:
    """Of a message that is there as a whole and not long."""
    held = b"".join(pieces)
    try:
        said = json.loads(first_message(held)) if 0 < len(held) <= FREE_BYTES else None
    except (ValueError, RecursionError):
        return None
    client = said.get("client_id") if isinstance(said, dict) else None
    return client if isinstance(client, str) and client else None
