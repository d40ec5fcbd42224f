"""What is asked of a model: plain values that cross the process boundary.

A `SegmentRequest` and, when the video goes on, a `State` enter the engine.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matinee.generation.model_info import GenerationDefaults

RgbFrames = npt.NDArray[np.uint8]
"""uint8, shape (frames, height, width, 3), RGB, full range."""


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """One prompt and everything that decides its pixels. `fps` only labels time."""

    prompt: str
    seed: int
    width: int
    height: int
    num_frames: int
    fps: int
    num_inference_steps: int
    guidance_scale: float
    negative_prompt: str = ""


@dataclass(frozen=True, slots=True)
class StepProgress:
    """One denoising step is done. `step` counts from 1 over all the chunks of the segment."""

    step: int
    total_steps: int
    stage: str = "denoise"


def with_defaults(
    defaults: GenerationDefaults, prompt: str, seed: int, **given: object
) -> SegmentRequest:
    """A request from `defaults`, with every value in `given` that is not None put over them."""
    values = dataclasses.asdict(defaults)
    values.update({name: value for name, value in given.items() if value is not None})
    return SegmentRequest(prompt=prompt, seed=seed, **values)
