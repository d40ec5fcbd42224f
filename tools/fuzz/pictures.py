"""Small pictures, whole and damaged: their headers lie, their data ends early, bits are flipped."""

from __future__ import annotations

import functools
import io
import struct
from random import Random

from PIL import Image

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
MODES = {"image/png": ("RGB", "RGBA", "L", "P", "1", "I;16"), "image/jpeg": ("RGB", "L", "CMYK")}
SIZES = ((1, 1), (32, 32), (7, 200))


def picture(rng: Random) -> tuple[bytes, str]:
    """Its bytes, and the type that it is said to have."""
    mime = rng.choice(tuple(FORMATS))
    mode = rng.choice(MODES.get(mime, ("RGB", "RGBA")))
    data = bytearray(_whole(mime, mode, rng.choice(SIZES)))
    if rng.random() < 0.7:
        _damage(rng, data)
    said = mime if rng.random() < 0.9 else rng.choice((*FORMATS, "image/gif", "", "image/svg+xml"))
    return bytes(data), said


@functools.cache
def _whole(mime: str, mode: str, size: tuple[int, int]) -> bytes:
    written = io.BytesIO()
    options = {"progressive": True} if mode == "L" and mime == "image/jpeg" else {}
    Image.new(mode, size, 1).save(written, FORMATS[mime], **options)
    return written.getvalue()


def _damage(rng: Random, data: bytearray) -> None:
    match rng.randrange(5):
        case 0:
            del data[rng.randrange(len(data)) :]
        case 1:
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        case 2:  # where PNG keeps its size
            data[16:24] = struct.pack("!II", *rng.choices((0, 1, 2**16, 2**31 - 1, 2**32 - 1), k=2))
        case 3:
            at = rng.randrange(len(data))
            data[at:at] = data[: rng.randrange(len(data))]
        case _:
            data[rng.randrange(len(data)) :] = rng.randbytes(20)
