"""Sound as numbers: what a model that makes it gives with its frames.

A segment's frame k begins at sample `samples_before(k)`, wherever the segment is cut. So the sound
of any of its frames can be taken apart and put together again, and the sound of a segment that is
made a second time is cut where the first one was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""float32, shape (samples, channels), -1 to 1."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """`rate`: samples a second of each channel."""

    rate: int
    channels: int


@dataclass(frozen=True, slots=True, eq=False)
class Pcm:
    """`rate`: samples a second of each channel."""

    samples: Samples
    rate: int


def samples_before(frame: int, rate: int, fps: int) -> int:
    """Samples of a segment (or of a session) before its frame number `frame`, counted from 0."""
    return frame * rate // fps


def samples_of(first_frame: int, frames: int, rate: int, fps: int) -> int:
    """Samples during `frames` frames from `first_frame` on."""
    return samples_before(first_frame + frames, rate, fps) - samples_before(first_frame, rate, fps)


def cut_sound(
    sound: Pcm | None, first_frame: int, frames: int, fps: int
) -> tuple[Pcm | None, Pcm | None]:
    """The sound of the first `frames` frames, and the rest. `first_frame`: where it begins."""
    if sound is None:
        return None, None
    at = samples_of(first_frame, frames, sound.rate, fps)
    return Pcm(sound.samples[:at], sound.rate), Pcm(sound.samples[at:], sound.rate)


def joined_sound(sounds: Sequence[Pcm]) -> Pcm | None:
    """One after the other; None when there is none."""
    if not sounds:
        return None
    return Pcm(np.concatenate([sound.samples for sound in sounds]), sounds[0].rate)


def sound_of_frames(
    sound: Pcm | None, first_frame: int, frames: int, fps: int
) -> Sequence[Samples | None]:
    """The samples of each of the frames that the sound belongs to."""
    if sound is None:
        return [None] * frames
    start = samples_before(first_frame, sound.rate, fps)
    edges = [
        samples_before(first_frame + index, sound.rate, fps) - start for index in range(1, frames)
    ]
    return np.split(sound.samples, edges)
