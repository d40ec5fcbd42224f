"""One JPEG per picture, for clients that ask for `legacy_jpeg` instead of a video."""

from __future__ import annotations

import io

from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image

from matinee.media.av_frame import av_frame
from matinee.media.i420 import I420Picture

EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""swscale's quick paths are off by up to 3 in 255."""


def encode_jpeg(picture: I420Picture, quality: int = 85) -> bytes:
    """`quality` 1-95. JPEG's own colours are BT.601, full range, hence the way through RGB."""
    rgb = av_frame(picture).reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=EXACT,
    )
    encoded = io.BytesIO()
    Image.fromarray(rgb.to_ndarray()).save(encoded, "JPEG", quality=quality)
    return encoded.getvalue()
