"""What a generation can be asked for, declared once: name, type, range and meaning of each field.

A field that is added here is in the messages of a session, in the configuration, in the CRD, in
`matinee.json`, on the command line and in the Python API: the first four inherit these models, the
flags are made from them, and `make generate` writes the typed values of the runtime
(`matinee/generation/sampling.py`). Unset always means: ask the next one. A prompt asks its session,
that the configuration, and that the model.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from matinee_api.limits import (
    MAX_CLIP_FRAMES,
    MAX_DIMENSION,
    MAX_FPS,
    MAX_SEED,
    MAX_STEPS,
    MIN_DIMENSION,
)

Pixels = Annotated[int, Field(ge=MIN_DIMENSION, le=MAX_DIMENSION)]


class Fields(BaseModel):
    """A group of fields. Who inherits it says how it is read: strictness, names, unknown keys."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class FrameFormat(Fields):
    """What stays the same for all segments of a session."""

    width: Pixels | None = None
    """Pixels, a multiple of the family's size factor (docs/families.md)."""
    height: Pixels | None = None
    """Pixels, a multiple of the family's size factor (docs/families.md)."""
    fps: Annotated[int, Field(ge=1, le=MAX_FPS)] | None = None
    """Frames a second of the video that is played."""


class SegmentSampling(Fields):
    """What each segment may choose."""

    num_frames: Annotated[int, Field(ge=1, le=MAX_CLIP_FRAMES)] | None = None
    """Frames of one segment as the family counts them (a factor times k, plus 1)."""
    num_inference_steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    """Denoising steps."""
    guidance_scale: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    """Strength of classifier-free guidance; 1 or less switches it off."""


class Sampling(SegmentSampling, FrameFormat):
    """All numbers that a model has a default for."""


class Seeded(Fields):
    """The noise."""

    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    """Seed of the noise: the same seed, the same video; unset: drawn at random, and told."""


class NegativePrompt(Fields):
    """The other half of the prompt."""

    negative_prompt: Annotated[str, Field(max_length=8192)] | None = None
    """What the video should not show."""


def type_of(field: FieldInfo) -> type[int | float | str]:
    """Of its values, where it is set."""
    annotated, _ = get_args(field.annotation)  # Annotated[X, range] | None
    kind: type[int | float | str] = get_args(annotated)[0]
    return kind
