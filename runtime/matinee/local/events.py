"""What a generation tells while it runs, in this order: progress and partials, then one final."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from matinee.generation import Pcm, RgbFrames, State

__all__ = ["VideoEvent", "VideoFinalEvent", "VideoPartialEvent", "VideoProgressEvent"]


def _without_pixels(event: VideoPartialEvent | VideoFinalEvent) -> str:
    """An event as it is printed: of arrays only their types and shapes."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    words = (f"{name}={_brief(value)}" for name, value in values.items())
    return f"{type(event).__name__}({', '.join(words)})"


def _brief(value: object) -> str:
    match value:
        case np.ndarray():
            return f"<{value.dtype} {value.shape}>"
        case Pcm():
            return f"<{value.samples.shape} at {value.rate} Hz>"
        case State():
            return f"<{value.kind}, {value.nbytes} bytes>"
        case _:
            return repr(value)


@dataclass(frozen=True, slots=True)
class VideoProgressEvent:
    """A denoising step is done. `step` counts from 1 over the whole video."""

    step: int
    total_steps: int
    stage: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VideoPartialEvent:
    """New frames and their sound. `first_frame`: index of the first of them within the video."""

    frames: RgbFrames
    audio: Pcm | None
    first_frame: int

    def __repr__(self) -> str:
        return _without_pixels(self)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VideoFinalEvent:
    """The whole video. `audio`: its sound, of a model that makes it. `video_path`: the file it was
    written to, when one was asked for. `notes`: what of the request had no effect, in sentences,
    such as the end of a prompt that is longer than the model reads."""

    frames: RgbFrames
    audio: Pcm | None
    fps: int
    seed: int
    continuation_state: State
    generation_time_s: float
    video_path: Path | None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return _without_pixels(self)


VideoEvent = VideoProgressEvent | VideoPartialEvent | VideoFinalEvent
