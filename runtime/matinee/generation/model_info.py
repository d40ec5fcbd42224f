"""What the loaded model can take and what it does where a request says nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from matinee.generation.sampling import SamplingValues
from matinee.generation.sound import AudioFormat
from matinee_api.families import CAPABILITIES, Capability

MOST_PIXELS = 1920 * 1088
MOST_FRAMES = 257
MOST_STEPS = 200
MOST_GUIDANCE = 30.0
"""What no model takes more of, each in one request."""


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
    `prompt_tokens`: of a prompt as many are read; None: all. `capabilities`: what it can be asked
    for, of what its family can.
    """

    model_id: str
    family: str
    state_kind: str
    spatial_factor: int
    temporal_factor: int
    chunk_frames: int
    overlap_frames: int
    defaults: GenerationDefaults
    max_pixels: int = MOST_PIXELS
    max_frames: int = MOST_FRAMES
    max_steps: int = MOST_STEPS
    max_work: int | None = None
    max_guidance_scale: float = MOST_GUIDANCE
    audio: AudioFormat | None = None
    prompt_tokens: int | None = None
    components: dict[str, str] = field(default_factory=dict)
    capabilities: tuple[Capability, ...] = tuple(CAPABILITIES)

    @property
    def state_frames(self) -> int:
        """Frames in a state at most. Never one: a single frame is an image that a video begins with
        and shows."""
        return max(2, self.overlap_frames)
