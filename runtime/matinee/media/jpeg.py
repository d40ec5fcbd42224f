"""One JPEG per picture, for clients that ask for `legacy_jpeg` instead of a video."""

from __future__ import annotations

import io

from matinee.media.i420 import I420Picture
from matinee.media.stills import still


def encode_jpeg(picture: I420Picture, quality: int = 85) -> bytes:
    """`quality` 1-95. JPEG's own colours are BT.601, full range, hence the way through RGB."""
    encoded = io.BytesIO()
    still(picture).save(encoded, "JPEG", quality=quality)
    return encoded.getvalue()
