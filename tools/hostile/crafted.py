"""Small messages that become large: what a first message of a stranger may hold.

Each function gives the fields of a `session_init_v2`. Some take a second to make: the attacker's
time.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image

Fields = dict[str, Any]


def none() -> Fields:
    return {}


def webp_of_64_megapixels() -> Fields:
    """A few dozen bytes."""
    written = io.BytesIO()
    Image.new("RGB", (8000, 8000)).save(written, "WEBP", lossless=True, method=0)
    return _image("image/webp", written.getvalue())


def png_of_one_column() -> Fields:
    """1x64,000,000 pixels in 124 kB."""
    return _image("image/png", _grey_png(1, 64_000_000))


def jpeg_of_many_scans() -> Fields:
    """A progressive JPEG whose last scan comes a thousand times: each costs a pass over all
    pixels."""
    written = io.BytesIO()
    Image.new("L", (1920, 1080), 128).save(written, "JPEG", progressive=True)
    data = written.getvalue()
    last = data.rindex(b"\xff\xda")
    return _image("image/jpeg", data[:last] + data[last:-2] * 1000 + data[-2:])


def state_of_33_frames() -> Fields:
    """33 frames of 1920x1088 in 272 kB; the session asks for their size."""
    width, height = 1920, 1088
    frame = base64.b64encode(_png(width, height, 2, bytes(width * 3))).decode()
    payload = {
        "schema_version": 1,
        "width": width,
        "height": height,
        "frames_b64": [frame] * 33,
        "segment_index": 0,
        "seed": 0,
        "prompts": [],
    }
    state = {"kind": "ltx.v1", "payload": payload}
    return {"continuation_state": state, "width": width, "height": height}


def image_of_47_mib() -> Fields:
    """Of base64 that is no picture."""
    return {"initial_image": {"mime": "image/png", "data": "A" * (47 * 2**20)}}


CRAFTED: dict[str, Callable[[], Fields]] = {
    "WebP of 64 megapixels": webp_of_64_megapixels,
    "PNG of one column": png_of_one_column,
    "JPEG of a thousand scans": jpeg_of_many_scans,
    "states of 33 large frames": state_of_33_frames,
    "first messages of 47 MiB": image_of_47_mib,
}


def _image(mime: str, data: bytes) -> Fields:
    return {"initial_image": {"mime": mime, "data": base64.b64encode(data).decode()}}


def _grey_png(width: int, height: int) -> bytes:
    return _png(width, height, 0, bytes(width))


def _png(width: int, height: int, colour: int, row: bytes) -> bytes:
    """All rows alike, without a filter."""
    packing = zlib.compressobj(9)
    step = 2**20 // (len(row) + 1) + 1
    data = b""
    for first in range(0, height, step):
        data += packing.compress((b"\0" + row) * min(step, height - first))
    data += packing.flush()
    header = struct.pack("!IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))
