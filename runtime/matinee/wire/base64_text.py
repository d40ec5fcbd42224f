"""Base64 of tens of megabytes, decoded so that other threads get their turns.

`base64.b64decode` holds Python's lock until it is done, 0.4 s for an image of 32 MiB: it does not
help to call it in a thread. Between two slices the lock can change hands.
"""

from __future__ import annotations

import binascii

SLICE_CHARACTERS = 2**18
"""A multiple of 4, so that every slice but the last stands for whole bytes."""


def decoded(text: str) -> bytes:
    """What `base64.b64decode(text, validate=True)` gives; needless padding is refused.

    Raises:
        ValueError: this is not base64.
    """
    if text.find("=", 0, max(0, len(text) - 2)) >= 0:
        raise ValueError("padding before the end")
    starts = range(0, len(text), SLICE_CHARACTERS)
    return b"".join(
        binascii.a2b_base64(text[start : start + SLICE_CHARACTERS], strict_mode=True)
        for start in starts
    )
