"""A state as the contents of one file: a header that says what follows, then the bytes.

    matinee-state 1\n    length of the header, 8 bytes    header (JSON)    facts    blobs    CRC-32

The checksum of all that is before it tells a damaged file from a whole one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping

from matinee.store.base import Blob

MAGIC = b"matinee-state 1\n"
_START = len(MAGIC) + 8
_CHECKSUM_BYTES = 4


def pack(facts: bytes, blobs: Mapping[str, Blob]) -> Iterator[Blob]:
    """The file's contents, in parts: nothing large is copied."""
    sizes = [[name, len(blob)] for name, blob in blobs.items()]
    header = json.dumps({"facts": len(facts), "blobs": sizes}).encode()
    checksum = 0
    for part in (MAGIC + len(header).to_bytes(8, "big") + header, facts, *blobs.values()):
        checksum = zlib.crc32(part, checksum)
        yield part
    yield checksum.to_bytes(_CHECKSUM_BYTES, "big")


def unpack(contents: bytes) -> tuple[bytes, dict[str, Blob]]:
    """What `pack` was given; the blobs are views of `contents`.

    Raises:
        ValueError: this is no state, or a damaged one.
    """
    if not contents.startswith(MAGIC):
        raise ValueError("this is not a state")
    before = memoryview(contents)[:-_CHECKSUM_BYTES]
    if zlib.crc32(before) != int.from_bytes(contents[-_CHECKSUM_BYTES:], "big"):
        raise ValueError("the state is damaged")
    end = _START + int.from_bytes(before[len(MAGIC) : _START], "big")
    try:
        header = json.loads(bytes(before[_START:end]))
        names = [str(name) for name, _ in header["blobs"]]
        parts = list(_cut(before[end:], [header["facts"], *(size for _, size in header["blobs"])]))
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("the state's header is not one") from error
    return bytes(parts[0]), dict(zip(names, parts[1:], strict=True))


def _cut(rest: memoryview, sizes: list[int]) -> Iterator[memoryview]:
    if sum(sizes) != len(rest) or min(sizes) < 0:
        raise ValueError("the sizes do not fit")
    for size in sizes:
        yield rest[:size]
        rest = rest[size:]
