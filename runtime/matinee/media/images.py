"""The initial image that a client sent: bytes that nobody vouches for enter, RGB pixels leave.

The header is checked (format, number of pixels) before any pixel is decoded, and only three of
Pillow's decoders can be reached. Of an animation the first picture counts. Colour profiles are
ignored: pixels are taken as sRGB.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps
from PIL.Image import Transpose

from matinee.errors import InvalidRequest

RgbPicture = npt.NDArray[np.uint8]
"""uint8, shape (height, width, 3), RGB, full range."""

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/webp": "WEBP",
}
BACKDROP = (255, 255, 255, 255)
"""Shows where an image is transparent, as on a web page."""

TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What sets an image of that EXIF orientation upright; from 5 on, width and height swap."""

DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    struct.error,
    zlib.error,
)
"""All that Pillow's readers let out when a file is broken."""


def decode_image(encoded: bytes, mime: str, width: int, height: int, max_pixels: int) -> RgbPicture:
    """Decode a PNG, JPEG or WebP, set it upright, and make it fill `width` x `height`: scaled with
    Lanczos, centred, what stands over cut off. Raises `InvalidRequest`."""
    if mime not in FORMATS:
        raise _refusal(f"type {mime!r} is not supported; use one of {', '.join(FORMATS)}")
    image = _open(encoded, FORMATS[mime])
    _check_pixels(image.width, image.height, max_pixels)
    try:
        fitted = _fitted(image, width, height)
    except DAMAGE as error:
        raise _refusal("the image is damaged or cut short") from error
    return np.array(_flattened(fitted), dtype=np.uint8)


def _refusal(message: str) -> InvalidRequest:
    return InvalidRequest("initial_image", message, joint=": ")


def _open(encoded: bytes, image_format: str) -> Image.Image:
    """Read the header only."""
    try:
        return Image.open(io.BytesIO(encoded), formats=[image_format])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refusal("the image has too many pixels") from error
    except DAMAGE as error:
        raise _refusal(f"the image cannot be read as {image_format}, its type") from error


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise _refusal(f"{width}x{height} pixels; at most {max_pixels} in all are allowed")


def _fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scale first, turn afterwards: fewer copies of a large image are held in memory."""
    image.load()
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    turn = TURNS.get(orientation)
    if turn is None:
        return _filled(image, width, height)
    if orientation < 5:
        return _filled(image, width, height).transpose(turn)
    return _filled(image, height, width).transpose(turn)


def _filled(image: Image.Image, width: int, height: int) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return ImageOps.fit(image.convert(mode), (width, height), Image.Resampling.LANCZOS)


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    backdrop = Image.new("RGBA", image.size, BACKDROP)
    return Image.alpha_composite(backdrop, image).convert("RGB")
