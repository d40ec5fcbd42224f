"""Chunks of a run to an MP4 file that appears when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from matinee.engine.colour import i420_pictures
from matinee.generation import AudioFormat, Chunk, SegmentRequest, sound_of_frames
from matinee.media.media_stream import MediaStream
from matinee.media.video_file import new_video, writing

PRESET, CRF = "veryfast", 18
"""A file is looked at more closely than a stream, and nobody waits for each of its frames."""

Record = Callable[[Chunk], None]
"""Takes the next frames and their sound."""


@contextmanager
def recording(path: Path, request: SegmentRequest, audio: AudioFormat | None) -> Iterator[Record]:
    """A function that adds chunks to the file. When the block raises, no file is left."""
    with writing(path.parent):
        path.parent.mkdir(exist_ok=True)
    stream = MediaStream(
        request.width,
        request.height,
        request.fps,
        audio=audio,
        preset=PRESET,
        crf=CRF,
        fragment_frames=request.fps,
    )
    with new_video(path) as file:
        file.write(stream.init)

        recorded = 0

        def record(chunk: Chunk) -> None:
            nonlocal recorded
            pictures = i420_pictures(chunk.frames)
            sounds = sound_of_frames(chunk.audio, recorded, len(pictures), request.fps)
            recorded += len(pictures)
            for picture, sound in zip(pictures, sounds, strict=True):
                if fragment := stream.push(picture, sound):
                    file.write(fragment.data)

        yield record
        for fragment in stream.finish():
            file.write(fragment.data)
