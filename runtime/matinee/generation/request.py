"""What is asked of a model: plain values that cross the process boundary.

A `SegmentRequest` and, when the video goes on, a `State` enter the engine.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matinee.generation.model_info import GenerationDefaults
from matinee.generation.sampling import SamplingValues
from matinee.generation.sound import Pcm

RgbFrames = npt.NDArray[np.uint8]
"""uint8, shape (frames, height, width, 3), RGB, full range."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA put on the model for one segment. `scale`: 1 is as it was trained."""

    name: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest(SamplingValues):
    """One prompt and everything that decides its pixels. `fps` only labels time."""

    prompt: str
    seed: int
    adapters: tuple[Adapter, ...] = ()


@dataclass(frozen=True, slots=True)
class StepProgress:
    """One denoising step is done. `step` counts from 1 over all the chunks of the segment."""

    step: int
    total_steps: int
    stage: str = "denoise"


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """What one step of a run adds to the video. `frames`: uint8 (n, H, W, 3) RGB, a torch tensor on
    the model's device or the like of it. `audio`: the sound of these frames, to the sample as
    `sound.samples_of` counts them; None of a model without sound. `more`: what is left of the same
    denoising follows at once, so nobody else should have a turn in between."""

    frames: Any
    audio: Pcm | None = None
    more: bool = False


def with_defaults(
    defaults: GenerationDefaults, prompt: str, seed: int, **given: object
) -> SegmentRequest:
    """A request from `defaults`, with every value in `given` that is not None put over them."""
    values = dataclasses.asdict(defaults)
    values.update({name: value for name, value in given.items() if value is not None})
    return SegmentRequest(prompt=prompt, seed=seed, **values)
