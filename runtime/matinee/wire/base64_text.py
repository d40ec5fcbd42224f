"""Base64 of tens of megabytes, decoded so that other threads get their turns.

`base64.b64decode` holds Python's lock until it is done, 0.4 s for an image of 32 MiB: it does not
help to call it in a thread. Between two slices the lock can change hands.
"""

from __future__ import annotations

import binascii


def decoded(text: str, slice_characters: int = 2**18) -> bytes:
    """What `base64.b64decode(text, validate=True)` gives; needless padding is refused.

    `slice_characters`: a multiple of 4, so that every slice but the last stands for whole bytes.

    Raises:
        ValueError: this is not base64.
    """
    if text.find("=", 0, max(0, len(text) - 2)) >= 0:
        raise ValueError("padding before the end")
    starts = range(0, len(text), slice_characters)
    return b"".join(
        binascii.a2b_base64(text[start : start + slice_characters], strict_mode=True)
        for start in starts
    )
