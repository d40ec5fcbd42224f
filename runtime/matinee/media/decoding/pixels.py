"""One image to RGB pixels with Pillow: three of its decoders, and no numpy, for a small process.

Of an animation the first picture counts. Colour profiles are ignored: pixels are taken as sRGB.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Callable

from PIL import ExifTags, Image, ImageFile, ImageOps
from PIL.Image import Transpose
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from matinee.media.decoding.errors import PictureRefused
from matinee.media.decoding.header import Encoded, Format, Header

READERS: dict[Format, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WEBP": WebPImageFile,
}
"""Called by themselves, because `Image.open` imports forty others when these fail."""

MOST_SCANS = 100
"""Of a progressive JPEG; encoders write about ten. Each one is a walk over all the pixels."""
WEBP_BYTES = 20
"""For each pixel: two canvases of the decoder, what it gives, and two copies of ours."""
MEMORY_SHARE = 0.9
"""Of what is allowed; the rest is for all else that a decoder takes."""
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


def filled(
    encoded: Encoded, header: Header, width: int, height: int, most_bytes: float = math.inf
) -> Image.Image:
    """Set upright, and made to fill `width` x `height`: scaled with Lanczos, centred, what stands
    over cut off. `most_bytes`: of memory that decoding may take. Raises `PictureRefused`."""
    try:
        image = _opened(encoded, header, most_bytes)
        image.draft(None, (2 * width, 2 * height))  # a JPEG can be decoded smaller at once
        _check_memory(_needed_bytes(image, header), most_bytes)
        return _flattened(_fitted(image, width, height))
    except DAMAGE as error:
        raise PictureRefused("the image is damaged or cut short") from error


def exact(
    encoded: Encoded, header: Header, width: int, height: int, most_bytes: float = math.inf
) -> Image.Image:
    """As it is; it must be RGB and of that size. Raises `PictureRefused`."""
    try:
        image = _opened(encoded, header, most_bytes)
        if image.size == (width, height) and image.mode == "RGB":
            _check_memory(_needed_bytes(image, header), most_bytes)
            image.load()
            return image
    except DAMAGE as error:
        raise PictureRefused(f"this is not a whole {header.format} image") from error
    raise PictureRefused(f"this is not an RGB image of {width}x{height} pixels")


def _opened(encoded: Encoded, header: Header, most_bytes: float) -> ImageFile.ImageFile:
    """Reads the header only, once more; of a WebP the decoder takes its memory now."""
    if header.format == "JPEG" and (scans := encoded.count(b"\xff\xda")) > MOST_SCANS:
        raise PictureRefused(
            f"the image has {scans} scans; at most {MOST_SCANS} are allowed; save it again"
        )
    if header.format == "WEBP":
        _check_memory(WEBP_BYTES * header.width * header.height, most_bytes)
    image = READERS[header.format](io.BytesIO(encoded))
    if image.size != (header.width, header.height):
        raise ValueError("the decoder finds another size")
    return image


def _check_memory(needed_bytes: int, most_bytes: float) -> None:
    if needed_bytes > most_bytes * MEMORY_SHARE:
        raise PictureRefused(
            f"decoding the image takes {needed_bytes // 2**20} MiB, more than is allowed; "
            "send one with fewer pixels"
        )


def _needed_bytes(image: ImageFile.ImageFile, header: Header) -> int:
    """Of the copies of all pixels that are there at the same time, in a decoder and here."""
    pixels, known = image.width * image.height, 0
    if isinstance(image, JpegImageFile) and image.info.get("progressive"):
        sampled = [across * down for _, across, down, _ in image.layer]
        known = 2 * header.width * header.height * sum(sampled) // max(sampled)
    return known + (8 if image.mode in ("RGBA", "LA", "PA") else 4) * pixels


def _fitted(image: ImageFile.ImageFile, width: int, height: int) -> Image.Image:
    """Scale first, turn afterwards: fewer copies of a large image are held in memory."""
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    turn = TURNS.get(orientation)
    if turn is None:
        return _scaled(image, width, height)
    if orientation < 5:
        return _scaled(image, width, height).transpose(turn)
    return _scaled(image, height, width).transpose(turn)


def _scaled(image: ImageFile.ImageFile, width: int, height: int) -> Image.Image:
    """Colours that are not mixed by their numbers are converted before, all others afterwards,
    when there are fewer."""
    image.load()
    fit: Image.Image = image
    known = image.mode in ("L", "LA", "RGB", "RGBA", "CMYK", "I;16")
    if not known or "transparency" in image.info:
        fit = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return ImageOps.fit(fit, (width, height), Image.Resampling.LANCZOS)


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":  # Pillow would clip it to white
        image = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    backdrop = Image.new("RGBA", image.size, BACKDROP)
    return Image.alpha_composite(backdrop, image.convert("RGBA")).convert("RGB")
