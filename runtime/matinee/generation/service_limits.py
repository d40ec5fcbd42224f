"""What one request may ask of a server, which others use too.

The owner of a machine may ask for all that the model can do (`ModelInfo`). A stranger may not: a
request of 64 times the usual size keeps everybody else waiting, or takes the memory.
"""

from __future__ import annotations

import dataclasses

from matinee.generation.model_info import GenerationDefaults, ModelInfo
from matinee_api.request_limits import RequestLimits

DEFAULT_PIXELS = 4
"""Times those of the defaults: twice the width and height."""
DEFAULT_STEPS = 100
DEFAULT_WORK = 16
"""Times that of the defaults, so that a segment may take 16 times as long as the usual one."""


def served(info: ModelInfo, defaults: GenerationDefaults, limits: RequestLimits) -> ModelInfo:
    """The model as a server offers it: with its `defaults`, and with `limits` where they say
    something. They never go past what the model can do."""
    pixels = defaults.width * defaults.height
    steps = max(DEFAULT_STEPS, defaults.num_inference_steps)
    work = pixels * defaults.num_frames * defaults.num_inference_steps
    return dataclasses.replace(
        info,
        defaults=defaults,
        max_pixels=min(info.max_pixels, limits.max_pixels or DEFAULT_PIXELS * pixels),
        max_frames=min(info.max_frames, limits.max_frames or info.max_frames),
        max_steps=min(info.max_steps, limits.max_steps or steps),
        max_work=limits.max_work or DEFAULT_WORK * work,
    )
