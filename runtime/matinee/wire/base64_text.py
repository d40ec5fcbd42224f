"""Base64 of tens of megabytes, decoded so that other threads get their turns.

`base64.b64decode` holds Python's lock until it is done, 0.4 s for an image of 32 MiB: it does not
help to call it in a thread. Between two slices the lock can change hands.
"""

from __future__ import annotations

import binascii


def decoded(text: str, begin: int = 0, slice_characters: int = 2**18) -> bytearray:
    """What `base64.b64decode(text[begin:], validate=True)` gives; needless padding is refused.

    `slice_characters`: a multiple of 4, so that every slice but the last stands for whole bytes.

    Raises:
        ValueError: this is not base64.
    """
    if text.find("=", begin, max(begin, len(text) - 2)) >= 0:
        raise ValueError("padding before the end")
    data = bytearray((len(text) - begin) // 4 * 3)  # one copy, however long it is
    filled = 0
    for start in range(begin, len(text), slice_characters):
        part = binascii.a2b_base64(text[start : start + slice_characters], strict_mode=True)
        data[filled : filled + len(part)] = part
        filled += len(part)
    del data[filled:]
    return data
