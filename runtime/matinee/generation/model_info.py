"""What the loaded model can take and what it does where a request says nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from matinee.generation.sampling import SamplingValues
from matinee.generation.sound import AudioFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationDefaults(SamplingValues):
    """The values used where a request says nothing."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The loaded model's rules and defaults.

    `spatial_factor`: width and height are multiples of it. `temporal_factor`: see the module's
    docstring. `chunk_frames`, `overlap_frames`: window of one pipeline call and the frames it
    takes over from the one before, both `temporal_factor * k + 1`. `audio`: None of a model without
    sound. `max_work`: pixels times frames times steps of a request; None: no limit but the others.
    """

    model_id: str
    family: str
    state_kind: str
    spatial_factor: int
    temporal_factor: int
    chunk_frames: int
    overlap_frames: int
    defaults: GenerationDefaults
    max_pixels: int = 1920 * 1088
    max_frames: int = 257
    max_steps: int = 200
    max_work: int | None = None
    max_guidance_scale: float = 30.0
    audio: AudioFormat | None = None
    components: dict[str, str] = field(default_factory=dict)
