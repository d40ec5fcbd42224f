from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matinee.media.decoding import PictureRefused, header_of
from matinee.media.decoding.header import MAX_SIDE, MOST_SEGMENTS, Format

FORMATS: tuple[Format, ...] = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 16_000_000


def encoded(image_format: str, width: int = 70, height: int = 40, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 20)).save(file, image_format, **options)
    return file.getvalue()


WHOLE = {image_format: encoded(image_format) for image_format in FORMATS}


def jpeg_of(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments)


def frame_header(width: int, height: int) -> bytes:
    return b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, height, width, 3)


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"exif": b"Exif\0\0" + bytes(60_000)}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
    ],
)
def test_the_size_is_the_one_that_the_decoder_finds(
    image_format: Format, options: dict[str, Any]
) -> None:
    header = header_of(encoded(image_format, **options), image_format, MAX_PIXELS)
    assert (header.format, header.width, header.height) == (image_format, 70, 40)


def test_an_animation_has_the_size_of_its_canvas() -> None:
    frames = [Image.fromarray(np.full((40, 70, 3), level, np.uint8)) for level in (0, 200)]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    header = header_of(file.getvalue(), "WEBP", MAX_PIXELS)
    assert (header.width, header.height) == (70, 40)


BOMBS: dict[str, tuple[Format, bytes, str]] = {
    "a WebP of 34 bytes": (
        "WEBP",
        b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f" + struct.pack("<I", 7999 | 7999 << 14) + bytes(8),
        "8000x8000 pixels; at most 16000000",
    ),
    "a PNG of one column": (
        "PNG",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 1, 64_000_000),
        "1x64000000 pixels; at most 16000000",
    ),
    "rows that are few bytes, and a pointer each": (
        "PNG",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 1, MAX_SIDE + 1),
        f"at most {MAX_SIDE} a side",
    ),
    "a canvas of 24 bits a side": (
        "WEBP",
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6,
        "16777216x16777216 pixels",
    ),
    "a JPEG of 65535 a side": ("JPEG", jpeg_of(frame_header(65535, 65535)), "65535x65535"),
    "a JPEG whose frame never comes": (
        "JPEG",
        jpeg_of(b"\xff\xe0\0\x02" * MOST_SEGMENTS, frame_header(64, 64)),
        "cannot be read as JPEG",
    ),
    "segments without a length, endlessly": (
        "JPEG",
        jpeg_of(b"\xff\xd0" * 100_000),
        "cannot be read as JPEG",
    ),
    "a scan before the frame": ("JPEG", jpeg_of(b"\xff\xda\0\x02"), "cannot be read as JPEG"),
    "no size": ("JPEG", jpeg_of(frame_header(64, 0)), "cannot be read as JPEG"),
    "a length that leads nowhere": ("JPEG", jpeg_of(b"\xff\xe1\xff\xff"), "cannot be read"),
    "fill bytes to the end": ("JPEG", b"\xff\xd8" + b"\xff" * 1000, "cannot be read as JPEG"),
}


@pytest.mark.parametrize(("image_format", "data", "says"), BOMBS.values(), ids=BOMBS)
def test_what_promises_too_much_is_refused(image_format: Format, data: bytes, says: str) -> None:
    with pytest.raises(PictureRefused, match=says):
        header_of(data, image_format, MAX_PIXELS)


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_first_bytes_alone_are_refused(image_format: Format) -> None:
    for length in range(21):
        with pytest.raises(PictureRefused):
            header_of(WHOLE[image_format][:length], image_format, MAX_PIXELS)


@settings(max_examples=50)
@given(image_format=st.sampled_from(FORMATS), place=st.integers(0, 60), junk=st.binary(min_size=1))
def test_any_bytes_are_a_header_or_refused(image_format: Format, place: int, junk: bytes) -> None:
    data = bytearray(WHOLE[image_format])
    data[place : place + len(junk)] = junk
    try:
        header = header_of(data, image_format, MAX_PIXELS)
    except PictureRefused:
        return
    assert 0 < header.width * header.height <= MAX_PIXELS
