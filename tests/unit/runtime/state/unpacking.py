"""States and images from the wire without the processes that decode pictures for a server."""

from __future__ import annotations

from typing import Any

import numpy as np

from matinee.generation import State
from matinee.media.decoding import PictureRefused, exact, filled
from matinee.session.baggage import Packed
from matinee.state.codec import codec_of


def state_from_wire(kind: str, payload: dict[str, Any]) -> State:
    """Raises `InvalidState`."""
    return unpacked(codec_of(kind).unpack(payload))


def unpacked(packed: Packed) -> State:
    """Raises `BadInput`."""
    wanted = packed.pictures()
    decode = exact if wanted.exact else filled
    frames = np.empty((wanted.count, wanted.height, wanted.width, 3), np.uint8)
    for index, (encoded, header) in enumerate(wanted.images):
        try:
            frames[index] = np.asarray(decode(encoded, header, wanted.width, wanted.height))
        except PictureRefused as refusal:
            refusal.index = index
            raise packed.refused(refusal) from None
    return packed.state(frames)
