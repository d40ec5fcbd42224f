"""What an image's header promises, read without a decoder: a format and a size. Pure.

A few bytes can promise gigabytes of pixels, so this is asked first. Only PNG, JPEG and WebP are
known; their decoders are told the size that was found here, and refuse another.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from matinee.media.decoding.errors import PictureRefused

Format = Literal["PNG", "JPEG", "WEBP"]
Encoded = bytes | bytearray

MAX_SIDE = 16384
"""Pixels; decoders keep a pointer for each row."""
MOST_SEGMENTS = 1000
"""Of a JPEG before its frame header; a photograph has ten."""
_PNG = b"\x89PNG\r\n\x1a\n"
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA


@dataclass(frozen=True, slots=True)
class Header:
    """`width` and `height` in pixels, as stored: before a photograph is turned upright."""

    format: Format
    width: int
    height: int


def header_of(encoded: Encoded, image_format: Format, max_pixels: int) -> Header:
    """Of an image of that format with at most so many pixels. Raises `PictureRefused`."""
    try:
        width, height = _SIZES[image_format](encoded)
    except (struct.error, IndexError, ValueError):
        width = height = 0
    if not (width and height):
        raise PictureRefused(f"the image cannot be read as {image_format}, its type")
    if width * height > max_pixels:
        raise PictureRefused(
            f"{width}x{height} pixels; at most {max_pixels} in all are allowed; send fewer"
        )
    if max(width, height) > MAX_SIDE:
        raise PictureRefused(f"{width}x{height} pixels; at most {MAX_SIDE} a side are allowed")
    return Header(image_format, width, height)


def _png_size(encoded: Encoded) -> tuple[int, int]:
    if not encoded.startswith(_PNG) or encoded[12:16] != b"IHDR":
        raise ValueError
    width, height = struct.unpack_from(">II", encoded, 16)
    return width, height


def _jpeg_size(encoded: Encoded) -> tuple[int, int]:
    """From the frame header, which segments of any length may precede."""
    if not encoded.startswith(b"\xff\xd8"):
        raise ValueError
    place = 2
    for _ in range(MOST_SEGMENTS):
        marker, place = _jpeg_marker(encoded, place)
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", encoded, place + 3)
            return width, height
        if marker == _SCAN:
            break
        if marker not in _WITHOUT_LENGTH:
            place += struct.unpack_from(">H", encoded, place)[0]
    raise ValueError


def _jpeg_marker(encoded: Encoded, place: int) -> tuple[int, int]:
    """The next marker, and where its contents begin."""
    if encoded[place] != 0xFF:
        raise ValueError
    while encoded[place] == 0xFF:
        place += 1
    return encoded[place], place + 1


def _webp_size(encoded: Encoded) -> tuple[int, int]:
    if encoded[:4] != b"RIFF" or encoded[8:12] != b"WEBP":
        raise ValueError
    match bytes(encoded[12:16]):
        case b"VP8 " if encoded[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", encoded, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L" if encoded[20] == 0x2F:
            (bits,) = struct.unpack_from("<I", encoded, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X" if len(encoded) >= 30:
            sides = (encoded[24:27], encoded[27:30])
            width, height = (int.from_bytes(side, "little") + 1 for side in sides)
            return width, height
    raise ValueError


_SIZES = {"PNG": _png_size, "JPEG": _jpeg_size, "WEBP": _webp_size}
