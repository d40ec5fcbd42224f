"""Pictures of a video as images: whole, small, and many of them on one sheet."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image

from matinee.media.av_frame import av_frame
from matinee.media.i420 import I420Picture

EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""swscale's quick paths are off by up to 3 in 255."""


def still(picture: I420Picture) -> Image.Image:
    """In RGB, full range."""
    rgb = av_frame(picture).reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=EXACT,
    )
    return Image.fromarray(rgb.to_ndarray())


def no_larger(image: Image.Image, most: int) -> Image.Image:
    """So that no side has more pixels; a smaller one stays as it is."""
    if max(image.size) <= most:
        return image
    width, height = (max(1, round(side * most / max(image.size))) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def sheet(images: Sequence[Image.Image]) -> Image.Image:
    """Images of one size in rows, as many to a row as there are rows."""
    columns = math.ceil(math.sqrt(len(images)))
    width, height = images[0].size
    whole = Image.new("RGB", (columns * width, math.ceil(len(images) / columns) * height))
    for index, image in enumerate(images):
        whole.paste(image, (index % columns * width, index // columns * height))
    return whole


def webp(image: Image.Image, quality: int = 80) -> bytes:
    """`quality` 1-100."""
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", quality=quality)
    return encoded.getvalue()
