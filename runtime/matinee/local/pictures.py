"""A picture that a caller of the Python API has, in any form -> RGB pixels of the right size."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from matinee.errors import InvalidRequest
from matinee.media.images import RgbPicture, decode_image
from matinee.media.suffixes import MIME_OF_SUFFIX
from matinee_api.bounded_file import read_at_most

MAX_IMAGE_BYTES = 256 * 2**20
MAX_IMAGE_PIXELS = 64 * 10**6
SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"RIFF": "image/webp"}
"""First bytes of a file, which know better than its name what it is."""

Picture = str | os.PathLike[str] | bytes | npt.NDArray[np.uint8] | Image.Image
"""A file, what is in one, pixels (H, W, 3) in RGB, or one of Pillow's."""


def picture_of(image: object, width: int, height: int) -> RgbPicture:
    """Made to fill `width` x `height`. Raises `InvalidRequest`."""
    if isinstance(image, np.ndarray):
        image = _of_pixels(image)
    if isinstance(image, Image.Image):
        return _decoded(_encoded(image), ".png", width, height)
    if isinstance(image, bytes | bytearray | memoryview):
        return _decoded(bytes(image), "of these bytes", width, height)
    path = path_of("image", image, "a path, bytes, a picture of Pillow or an array of pixels")
    try:
        encoded = read_at_most(path, MAX_IMAGE_BYTES)
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}"
        raise InvalidRequest("image", problem, joint=None) from error
    return _decoded(encoded, path.suffix, width, height)


def path_of(name: str, value: object, kinds: str = "a path") -> Path:
    """Raises `InvalidRequest` for what is not a path."""
    if isinstance(value, str | os.PathLike) and isinstance(path := os.fspath(value), str):
        return Path(path)
    raise InvalidRequest(name, f"must be {kinds}, got {value!r:.60}")


def _of_pixels(pixels: npt.NDArray[np.generic]) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InvalidRequest(
            "image",
            f"must be uint8 of shape (height, width, 3), got {pixels.dtype} {pixels.shape}",
        )
    return Image.fromarray(pixels)


def _encoded(image: Image.Image) -> bytes:
    """As PNG, upright, for the one way in which files are taken too."""
    upright = ImageOps.exif_transpose(image)
    mode = "RGBA" if upright.has_transparency_data else "RGB"
    file = io.BytesIO()
    (upright if upright.mode == "I;16" else upright.convert(mode)).save(file, "PNG")
    return file.getvalue()


def _decoded(encoded: bytes, suffix: str, width: int, height: int) -> RgbPicture:
    signed = (mime for start, mime in SIGNATURES.items() if encoded.startswith(start))
    mime = next(signed, None) or MIME_OF_SUFFIX.get(suffix.lower(), suffix)
    try:
        return decode_image(encoded, mime, width, height, MAX_IMAGE_PIXELS)
    except InvalidRequest as error:
        raise error.renamed({"initial_image": "image"}) from error
