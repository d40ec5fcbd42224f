"""What a generation tells while it runs, in this order: progress and partials, then one final."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from matinee.generation import Pcm, RgbFrames, State

__all__ = ["VideoEvent", "VideoFinalEvent", "VideoPartialEvent", "VideoProgressEvent"]


@dataclass(frozen=True, slots=True)
class VideoProgressEvent:
    """A denoising step is done. `step` counts from 1 over the whole video."""

    step: int
    total_steps: int
    stage: str


@dataclass(frozen=True, slots=True, eq=False)
class VideoPartialEvent:
    """New frames and their sound. `first_frame`: index of the first of them within the video."""

    frames: RgbFrames
    audio: Pcm | None
    first_frame: int


@dataclass(frozen=True, slots=True, eq=False)
class VideoFinalEvent:
    """The whole video. `audio`: its sound, of a model that makes it. `video_path`: the file it was
    written to, when one was asked for."""

    frames: RgbFrames
    audio: Pcm | None
    fps: int
    seed: int
    continuation_state: State
    generation_time_s: float
    video_path: Path | None


VideoEvent = VideoProgressEvent | VideoPartialEvent | VideoFinalEvent
