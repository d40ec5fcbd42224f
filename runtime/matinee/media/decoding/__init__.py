"""Images from strangers become pixels here: bytes that nobody vouches for enter, RGB leaves.

`header` reads what an image promises before anything is decoded, `pixels` decodes with Pillow,
`child` is the program that does so with limits of its own, and `pool` hands images to it.
"""

from __future__ import annotations

from matinee.media.decoding.errors import DecodingUnavailable, PictureRefused
from matinee.media.decoding.header import Encoded, Header, header_of
from matinee.media.decoding.pixels import exact, filled

__all__ = [
    "DecodingUnavailable",
    "Encoded",
    "Header",
    "PictureRefused",
    "exact",
    "filled",
    "header_of",
]
