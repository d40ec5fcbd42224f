"""Images in files and messages: bytes and a type enter, RGB pixels leave.

The header is checked (format, number of pixels) before any pixel is decoded. `decode_image` decodes
in this process: for a person's own files. What strangers sent goes to `decoding.pool`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from matinee.errors import InvalidRequest
from matinee.media.decoding import Header, PictureRefused, filled, header_of
from matinee.media.decoding.header import Encoded, Format

RgbPicture = npt.NDArray[np.uint8]
"""uint8, shape (height, width, 3), RGB, full range."""

FORMATS: dict[str, Format] = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/webp": "WEBP",
}


def decode_image(
    encoded: Encoded, mime: str, width: int, height: int, max_pixels: int
) -> RgbPicture:
    """Decode a PNG, JPEG or WebP, set it upright, and make it fill `width` x `height`: scaled with
    Lanczos, centred, what stands over cut off. Raises `InvalidRequest`."""
    header = image_header(encoded, mime, max_pixels)
    try:
        return np.array(filled(encoded, header, width, height), dtype=np.uint8)
    except PictureRefused as refusal:
        raise image_refused(refusal) from refusal


def image_header(encoded: Encoded, mime: str, max_pixels: int) -> Header:
    """What the image is, before anything is decoded. Raises `InvalidRequest`."""
    try:
        return header_of(encoded, format_of(mime), max_pixels)
    except PictureRefused as refusal:
        raise image_refused(refusal) from refusal


def format_of(mime: str) -> Format:
    """Raises `PictureRefused` for another type."""
    if mime not in FORMATS:
        known = ", ".join(FORMATS)
        raise PictureRefused(f"type {mime[:64]!r} is not supported; use one of {known}")
    return FORMATS[mime]


def image_refused(refusal: PictureRefused) -> InvalidRequest:
    """In the words of a request."""
    return InvalidRequest("initial_image", str(refusal), joint=": ")
