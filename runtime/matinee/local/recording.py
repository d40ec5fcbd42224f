"""RGB frames to an MP4 file that appears when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from matinee.engine.colour import rgb_to_i420
from matinee.generation import SegmentRequest
from matinee.media.video_file import new_file, writing
from matinee.media.video_stream import VideoStream

PRESET, CRF = "veryfast", 18
"""A file is looked at more closely than a stream, and nobody waits for each of its frames."""

Record = Callable[[torch.Tensor], None]
"""Takes the next frames, uint8 (n, H, W, 3) RGB."""


@contextmanager
def recording(path: Path, request: SegmentRequest) -> Iterator[Record]:
    """A function that adds frames to the file. When the block raises, no file is left."""
    with writing(path.parent):
        path.parent.mkdir(exist_ok=True)
    height, width = request.height, request.width
    stream = VideoStream(
        width, height, request.fps, preset=PRESET, crf=CRF, fragment_frames=request.fps
    )
    with new_file(path) as file:
        file.write(stream.init)

        def record(frames: torch.Tensor) -> None:
            pictures = np.empty((len(frames), height * 3 // 2, width), np.uint8)
            rgb_to_i420(frames, list(pictures))
            for picture in pictures:
                if fragment := stream.push(picture):
                    file.write(fragment.data)

        yield record
        if fragment := stream.flush():
            file.write(fragment.data)
