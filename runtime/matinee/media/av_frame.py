"""A picture as libav's frame: what PyAV would get wrong for one size in two."""

from __future__ import annotations

import av

from matinee.media.i420 import I420Picture


def av_frame(picture: I420Picture) -> av.VideoFrame:
    """Without a copy where the height is a multiple of 4, as models make it: PyAV takes a buffer of
    any other height for a lower one, whose colours then lie elsewhere. The array must stay as it is
    until the frame is done with."""
    if picture.shape[0] % 6:
        return av.VideoFrame.from_ndarray(picture, "yuv420p")
    return av.VideoFrame.from_numpy_buffer(picture, "yuv420p")
