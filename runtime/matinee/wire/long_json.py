"""JSON of megabytes, written in parts so that other threads get their turns.

`json.dumps` and `base64.b64encode` hold Python's lock until they are done, and whoever joins the
parts holds it for as long as the copy takes. Nothing here is longer than a part: call it in a
thread, and send the parts as they are.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PART_BYTES = 2**16
_SLICE_BYTES = PART_BYTES // 4 * 3
"""A multiple of 3, so that only the last slice is padded."""


@dataclass(frozen=True, slots=True)
class Base64:
    """Stands for a JSON string: these bytes as base64."""

    data: bytes


def parts_of(value: Any) -> tuple[bytes, ...]:
    """The value as ASCII. It consists of what `json.dumps` takes, and of `Base64`."""
    return tuple(_filled(_pieces(value)))


def _pieces(value: Any) -> Iterator[bytes]:
    match value:
        case dict():
            yield b"{"
            for position, (key, item) in enumerate(value.items()):
                yield (b"," if position else b"") + json.dumps(key).encode() + b":"
                yield from _pieces(item)
            yield b"}"
        case list():
            yield b"["
            for position, item in enumerate(value):
                yield b"," if position else b""
                yield from _pieces(item)
            yield b"]"
        case Base64(data):
            yield b'"'
            for start in range(0, len(data), _SLICE_BYTES):
                yield binascii.b2a_base64(data[start : start + _SLICE_BYTES], newline=False)
            yield b'"'
        case _:
            yield json.dumps(value).encode()


def _filled(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Fewer and longer parts, none much longer than `PART_BYTES`."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PART_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
