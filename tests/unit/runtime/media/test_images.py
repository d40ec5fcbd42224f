from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from matinee.errors import InvalidRequest
from matinee.media.decoding.pixels import TURNS
from matinee.media.images import RgbPicture, decode_image
from tests.unit.runtime.media.pictures import moving_picture

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
MAX_PIXELS = 1_000_000


def encoded(picture: Any, image_format: str = "PNG", **settings: Any) -> bytes:
    """`picture`: a Pillow image, or an array it can be made from."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, image_format, **settings)
    return file.getvalue()


def decoded(data: bytes, width: int, height: int, mime: str = "image/png") -> RgbPicture:
    return decode_image(data, mime, width, height, MAX_PIXELS)


def empty_png(width: int, height: int) -> bytes:
    """A header that promises the size, and nothing behind it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    checked = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + checked + end


def flat_jpeg() -> bytes:
    """Its frame header says that it is 0 lines high."""
    data = bytearray(encoded(np.zeros((48, 64, 3), np.uint8), "JPEG"))
    height = data.index(b"\xff\xc0") + 5
    data[height : height + 2] = bytes(2)
    return bytes(data)


PHOTO = moving_picture(64, 48, 0)
PNG = encoded(PHOTO)
JPEG = encoded(PHOTO, "JPEG")
WEBP = encoded(PHOTO, "WEBP")

BAD_IMAGES = {
    "an unknown type": (
        PNG,
        "image/gif",
        "use one of image/png, image/jpeg, image/jpg, image/webp",
    ),
    "no type": (PNG, "", "not supported"),
    "a JPEG called PNG": (JPEG, "image/png", "cannot be read as PNG"),
    "a PNG called WebP": (PNG, "image/webp", "cannot be read as WEBP"),
    "a GIF called PNG": (encoded(PHOTO, "GIF"), "image/png", "cannot be read as PNG"),
    "no bytes": (b"", "image/png", "cannot be read as PNG"),
    "zeros": (bytes(1000), "image/jpeg", "cannot be read as JPEG"),
    "text": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", "cannot be read as PNG"),
    "half a PNG": (PNG[: len(PNG) // 2], "image/png", "damaged or cut short"),
    "a JPEG cut short": (JPEG[:-100], "image/jpeg", "damaged or cut short"),
    "half a WebP": (WEBP[: len(WEBP) // 2], "image/webp", "damaged or cut short"),
    "a JPEG of no size": (flat_jpeg(), "image/jpeg", "cannot be read as JPEG"),
    "a PNG without pixels": (empty_png(64, 48), "image/png", "damaged or cut short"),
    "a PNG of no size": (empty_png(0, 48), "image/png", "cannot be read as PNG"),
    "one pixel row too many": (
        empty_png(1000, 1001),
        "image/png",
        "1000x1001 pixels; at most 1000000",
    ),
    "a small bomb": (empty_png(9000, 9000), "image/png", "at most 1000000"),
    "a large bomb": (empty_png(60_000, 60_000), "image/png", "at most 1000000"),
    "one that is too long": (empty_png(1, 20_000), "image/png", "at most 16384 a side"),
}


@pytest.mark.parametrize(("data", "mime", "reason"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_image_is_refused_with_its_reason(data: bytes, mime: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as refusal:
        decoded(data, 64, 48, mime)
    assert refusal.value.param == "initial_image"


@settings(max_examples=100)
@given(
    mime=st.sampled_from(sorted(FORMATS)),
    place=st.integers(0, 400),
    junk=st.binary(min_size=1, max_size=8),
)
@pytest.mark.filterwarnings("ignore")  # Pillow also warns of what it can read around
def test_a_damaged_image_is_decoded_or_refused_and_nothing_else(
    mime: str, place: int, junk: bytes
) -> None:
    data = bytearray(encoded(PHOTO, FORMATS[mime]))
    data[place : place + len(junk)] = junk

    try:
        picture = decoded(bytes(data), 32, 32, mime)
    except InvalidRequest:
        return
    assert picture.shape == (32, 32, 3)


@pytest.mark.parametrize("mime", FORMATS)
def test_each_format_decodes_to_its_pixels(mime: str) -> None:
    smooth = np.full((48, 64, 3), (200, 60, 40), np.uint8)

    picture = decoded(encoded(smooth, FORMATS[mime]), 64, 48, mime)

    assert picture.shape == (48, 64, 3)
    assert picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - smooth).max() <= 3


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    np.testing.assert_array_equal(decoded(PNG, 64, 48), PHOTO)


def test_what_stands_over_is_cut_off_on_both_sides_alike() -> None:
    thirds = np.zeros((30, 90, 3), np.uint8)
    thirds[:, :30], thirds[:, 30:60], thirds[:, 60:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)

    square = decoded(encoded(thirds), 30, 30)
    wide = decoded(encoded(thirds), 90, 15)

    assert (square == (0, 255, 0)).all()
    assert wide.shape == (15, 90, 3)
    assert wide[7, 15].tolist() == [255, 0, 0]
    assert wide[7, 75].tolist() == [0, 0, 255]


def test_a_small_picture_is_enlarged() -> None:
    assert (decoded(encoded(np.full((1, 1, 3), 77, np.uint8)), 64, 32) == 77).all()


@pytest.mark.parametrize("orientation", [1, *TURNS])
@pytest.mark.parametrize("mime", FORMATS)
def test_a_photograph_stands_upright_whatever_way_the_camera_was_held(
    mime: str, orientation: int
) -> None:
    quarters = np.zeros((64, 64, 3), np.uint8)
    quarters[:32, :32], quarters[:32, 32:] = (255, 0, 0), (0, 255, 0)
    quarters[32:, :32] = (0, 0, 255)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = camera_view(Image.fromarray(quarters), orientation)

    upright = decoded(encoded(stored, FORMATS[mime], exif=exif), 64, 64, mime)

    centres = upright[16::32, 16::32].astype(int)
    assert np.abs(centres - quarters[16::32, 16::32]).max() <= 6


def camera_view(upright: Image.Image, orientation: int) -> Image.Image:
    """How the sensor saw it: orientations 6 and 8 undo each other, the others themselves."""
    undone = {6: 8, 8: 6}.get(orientation, orientation)
    return upright if undone == 1 else upright.transpose(TURNS[undone])


def test_a_sideways_photograph_fills_the_size_after_it_is_turned() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6

    picture = decoded(encoded(PHOTO, exif=exif), 48, 64)

    np.testing.assert_array_equal(picture, np.rot90(PHOTO, -1))


def test_transparent_parts_become_white() -> None:
    layer = np.zeros((32, 32, 4), np.uint8)
    layer[:, 16:] = (10, 20, 30, 255)

    picture = decoded(encoded(layer), 32, 32)

    assert (picture[:, :16] == 255).all()
    assert (picture[:, 16:] == (10, 20, 30)).all()


def test_a_transparent_palette_colour_becomes_white() -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([200, 0, 0, 0, 0, 200])

    assert (decoded(encoded(image, transparency=0), 8, 8) == 255).all()


@pytest.mark.parametrize(
    ("pixels", "grey"),
    [(np.full((8, 8), 99, np.uint8), 99), (np.full((8, 8), 99 * 257, np.uint16), 99)],
    ids=["8 bits", "16 bits"],
)
def test_grey_pictures_keep_their_brightness(pixels: Any, grey: int) -> None:
    assert (decoded(encoded(pixels), 8, 8) == grey).all()


def test_a_print_image_in_cmyk_is_decoded() -> None:
    data = encoded(Image.fromarray(PHOTO).convert("CMYK"), "JPEG")

    assert np.abs(decoded(data, 64, 48, "image/jpeg").astype(int) - PHOTO).mean() < 12


def test_of_an_animation_the_first_picture_counts() -> None:
    still, moved = (Image.fromarray(moving_picture(64, 48, index)) for index in (0, 8))
    data = encoded(still, "WEBP", save_all=True, append_images=[moved], lossless=True)

    np.testing.assert_array_equal(decoded(data, 64, 48, "image/webp"), PHOTO)
