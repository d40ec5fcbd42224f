"""A job's pictures and sound become its files: video, thumbnail and spritesheet. Blocking."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from matinee.generation import AudioFormat, Samples
from matinee.jobs.record import Order
from matinee.jobs.workshop import IMAGE, VARIANTS
from matinee.media.i420 import I420Picture
from matinee.media.media_stream import MediaStream
from matinee.media.reading_back import EarlierVideo
from matinee.media.stills import no_larger, sheet, still, webp
from matinee.media.video_output import new_output

PRESET, CRF = "veryfast", 18
"""A file is looked at more closely than a stream, and nobody waits for each of its frames."""
SPRITES = 16
"""Pictures of a spritesheet, in four rows; of a shorter video as many as it has."""
SPRITE_PIXELS, THUMBNAIL_PIXELS = 160, 640
"""The longer side."""


class Film:
    """One job's, written into a folder that is its own. One thread at a time. Raises `CannotWrite`
    and OSError."""

    def __init__(self, folder: Path, order: Order, audio: AudioFormat | None) -> None:
        self.folder = folder
        request, frames = order.request, order.num_frames
        self._open = ExitStack()
        self._stream = MediaStream(
            request.width,
            request.height,
            request.fps,
            audio=audio,
            preset=PRESET,
            crf=CRF,
            fragment_frames=request.fps,
        )
        self._file = self._open.enter_context(new_output(folder / VARIANTS["video"].file))
        self._file.write(self._stream.init)
        self._due = sprites_of(frames)
        self._sprites: list[Image.Image] = []
        self._thumbnail_at = frames // 2
        self._image_at = frames - 1 if order.as_image else None
        self._thumbnail: Image.Image | None = None
        self._fps, self._audio = request.fps, audio

    def take(self, pictures: Sequence[I420Picture], sounds: Sequence[Samples | None]) -> None:
        """The next pictures; they may be views of memory that is used again."""
        for picture, sound in zip(pictures, sounds, strict=True):
            self._keep_still(picture, self._stream.next_frame)
            if fragment := self._stream.push(picture, sound):
                self._file.write(fragment.data)

    def begin_with(self, file: Path) -> None:
        """A whole video: its coded pictures as they are, unless another version of the encoder made
        them."""
        earlier, stream = EarlierVideo(file, self._fps, self._audio), self._stream
        as_they_are = earlier.avcc == stream.avcc
        for shown in earlier.frames():
            self._keep_still(shown.picture, stream.next_frame)
            if as_they_are:
                fragment = stream.copy(shown.coded, shown.sound)
            else:
                fragment = stream.push(shown.picture, shown.sound)
            if fragment:
                self._file.write(fragment.data)
        if fragment := stream.flush():
            self._file.write(fragment.data)
        stream.start_segment()

    def finish(self) -> None:
        """All files are whole and safe on the disk."""
        for fragment in self._stream.finish():
            self._file.write(fragment.data)
        self._open.close()
        self._write("thumbnail", self._thumbnail or self._sprites[-1])
        self._write("spritesheet", sheet(self._sprites))
        for file in self.folder.iterdir():
            _sync(file)

    def give_up(self) -> None:
        """Nothing is left open; what is written stays in the folder. After `finish` it changes
        nothing."""
        self._open.pop_all().__exit__(Unfinished, Unfinished(), None)

    def _keep_still(self, picture: I420Picture, number: int) -> None:
        if number not in self._due and number != self._thumbnail_at:
            return
        image = still(picture)
        if number == self._image_at:
            image.save(self.folder / VARIANTS[IMAGE].file)
        if number == self._thumbnail_at:
            self._thumbnail = no_larger(image, THUMBNAIL_PIXELS)
        if number in self._due:
            self._sprites.append(no_larger(image, SPRITE_PIXELS))

    def _write(self, variant: str, image: Image.Image) -> None:
        (self.folder / VARIANTS[variant].file).write_bytes(webp(image))


class Unfinished(Exception):
    """Why a file is given up."""


def sprites_of(frames: int) -> frozenset[int]:
    """Numbers of the pictures that are on the spritesheet: the first, the last, and evenly."""
    count = min(SPRITES, frames)
    return frozenset(round(i * (frames - 1) / max(1, count - 1)) for i in range(count))


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
