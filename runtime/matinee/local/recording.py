"""Chunks of a run to a file, or a folder of pictures, that appears when it is whole."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from PIL import Image

from matinee.engine.colour import i420_pictures, rgb_array
from matinee.generation import AudioFormat, Chunk, SegmentRequest, sound_of_frames
from matinee.media.media_stream import MediaStream
from matinee.media.video_file import new_folder, writing
from matinee.media.video_kinds import PICTURES, Kind, kind_of
from matinee.media.video_output import Pieces, new_output

PRESET, CRF = "veryfast", 18
"""A file is looked at more closely than a stream, and nobody waits for each of its frames."""

Record = Callable[[Chunk], None]
"""Takes the next frames and their sound."""


def recording(
    path: Path, request: SegmentRequest, audio: AudioFormat | None
) -> AbstractContextManager[Record]:
    """A function that adds chunks to the file. When the block raises, no file is left."""
    if kind_of("output_path", path) is Kind.PICTURES:
        return _pictures(path.parent)
    return _video(path, request, audio)


@contextmanager
def _pictures(folder: Path) -> Iterator[Record]:
    """Each frame as it was made: nothing is lost on the way."""
    with new_folder(folder) as place:
        numbers = itertools.count(1)

        def record(chunk: Chunk) -> None:
            with writing(folder):
                for frame, number in zip(rgb_array(chunk.frames), numbers, strict=False):
                    Image.fromarray(frame).save(place / (PICTURES % number))

        yield record


@contextmanager
def _video(path: Path, request: SegmentRequest, audio: AudioFormat | None) -> Iterator[Record]:
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
    with new_output(path) as file:
        file.write(stream.init)
        yield partial(_record, stream, request.fps, file)
        for fragment in stream.finish():
            file.write(fragment.data)


def _record(stream: MediaStream, fps: int, file: Pieces, chunk: Chunk) -> None:
    pictures = i420_pictures(chunk.frames)
    sounds = sound_of_frames(chunk.audio, stream.next_frame, len(pictures), fps)
    for picture, sound in zip(pictures, sounds, strict=True):
        if fragment := stream.push(picture, sound):
            file.write(fragment.data)
