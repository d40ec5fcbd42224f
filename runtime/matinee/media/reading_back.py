"""A video that was made here, read again: for another one that goes on from it, or begins as it
does.

Of what strangers send nothing is read here: FFmpeg decodes in this process. Coded pictures are
handed on as they are, so that going on costs them no quality. All of it blocks.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet

from matinee.generation import AudioFormat, RgbFrames, Samples, samples_of
from matinee.media.aac import LAYOUTS
from matinee.media.h264 import CodedPicture
from matinee.media.i420 import I420Picture
from matinee.media.stills import still


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One frame: coded as in the file, decoded, and its sound."""

    coded: CodedPicture
    picture: I420Picture
    sound: Samples | None


class EarlierVideo:
    """`audio`: how its sound is wanted; None: not at all."""

    def __init__(self, file: Path, fps: int, audio: AudioFormat | None) -> None:
        self._file, self._fps, self._audio = file, fps, audio

    @property
    def avcc(self) -> bytes:
        """How its pictures are coded: see `H264Encoder.avcc`."""
        with av.open(str(self._file), "r") as container:
            return bytes(container.streams.video[0].codec_context.extradata or b"")

    def frames(self) -> Iterator[Shown]:
        """All, each with the sound that lies beside it in the file."""
        with av.open(str(self._file), "r") as container:
            heard = container.streams.audio[:1] if self._audio else ()
            sound = _Sound(self._fps, self._audio if heard else None)
            coded: deque[CodedPicture] = deque()
            pictures: deque[I420Picture] = deque()
            for packet in container.demux(container.streams.video[0], *heard):
                if packet.stream.type == "audio":
                    sound.feed(packet)
                    continue
                if packet.size:
                    coded.append(CodedPicture(bytes(packet), packet.is_keyframe))
                pictures.extend(_decoded(packet))
                while pictures and sound.is_there:
                    yield Shown(coded.popleft(), pictures.popleft(), sound.next())
            while pictures:
                yield Shown(coded.popleft(), pictures.popleft(), sound.next())


def last_frames(file: Path, count: int) -> RgbFrames:
    """So many, or all that there are."""
    with av.open(str(file), "r") as container:
        last = deque(_all_decoded(container), maxlen=count)
    return np.stack([np.asarray(still(picture)) for picture in last])


def first_picture(file: Path) -> bytes:
    """As PNG."""
    with av.open(str(file), "r") as container:
        image = still(next(_all_decoded(container)))
    made = io.BytesIO()
    image.save(made, "PNG", compress_level=1)
    return made.getvalue()


class _Sound:
    """Decoded sound, cut into frames of the video."""

    def __init__(self, fps: int, audio: AudioFormat | None) -> None:
        self._fps, self._audio = fps, audio
        self._frame = 0
        self._waiting: Samples = np.empty((0, audio.channels if audio else 0), np.float32)
        if audio:
            self._resampler = av.AudioResampler("fltp", LAYOUTS[audio.channels], audio.rate)

    @property
    def is_there(self) -> bool:
        """That of the next frame, all of it."""
        return len(self._waiting) >= self._due

    @property
    def _due(self) -> int:
        audio = self._audio
        return samples_of(self._frame, 1, audio.rate, self._fps) if audio else 0

    def feed(self, packet: Packet[Any]) -> None:
        for decoded in packet.decode():
            assert isinstance(decoded, av.AudioFrame)  # noqa: S101 - of an audio stream
            for frame in self._resampler.resample(decoded):
                samples = frame.to_ndarray().T.astype(np.float32, copy=False)
                self._waiting = np.concatenate([self._waiting, samples])

    def next(self) -> Samples | None:
        """What there is of it."""
        due = self._due
        self._frame += 1
        taken, self._waiting = self._waiting[:due], self._waiting[due:]
        return taken if self._audio else None


def _all_decoded(container: InputContainer) -> Iterator[I420Picture]:
    for packet in container.demux(container.streams.video[0]):
        yield from _decoded(packet)


def _decoded(packet: Packet[Any]) -> Iterator[I420Picture]:
    for frame in packet.decode():
        assert isinstance(frame, av.VideoFrame)  # noqa: S101 - of a video stream
        yield cast(I420Picture, frame.to_ndarray(format="yuv420p"))
