"""What the synthetic family makes, how fast, and what goes wrong on purpose."""

from __future__ import annotations

import enum

from pydantic import Field

from matinee.generation import AudioFormat, GenerationDefaults, ModelInfo
from matinee.state.codec import MOCK_STATE
from matinee_api.config.config_model import Config
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig

BACKEND = "matinee.mock.backend"
NUM_FRAMES, STEPS = 121, 4
"""Five seconds, and the steps of each of their seven chunks."""
MOST_PIXELS = 4096 * 2304
"""As large as a picture of the worker's can be."""
RATE = 48_000
LONGEST_FAULT_S, LONGEST_STEP_MS = 100, 60_000
"""The server takes a worker that is silent for 120 s as hung."""


class Fault(enum.StrEnum):
    """What befalls a segment: `LATE` before its first step, the others in its middle."""

    LATE = "late"
    STALL = "stall"
    ERROR = "error"
    CLOSE = "close"


class MockSettings(Config):
    """`step_ms`: of each denoising step. `faults`: of every other segment, one after the other,
    again and again. `fault_seconds`: how long `late` and `stall` take."""

    width: int = 832
    height: int = 480
    fps: int = 24
    step_ms: float = Field(default=50.0, ge=0, le=LONGEST_STEP_MS)
    sound: bool = False
    faults: tuple[Fault, ...] = ()
    fault_seconds: float = Field(default=3.0, ge=0, le=LONGEST_FAULT_S)

    def generator(self) -> GeneratorConfig:
        """The way into the worker's process: the "model" is these settings."""
        path = self.model_dump_json()
        return GeneratorConfig(model_path=path, model_id="mock", engine=EngineConfig(device="cpu"))

    def info(self) -> ModelInfo:
        """Frames are counted as a latent video model counts them, so that clients meet that rule;
        sizes need only be even."""
        return ModelInfo(
            model_id="mock",
            family="mock",
            state_kind=MOCK_STATE,
            spatial_factor=2,
            temporal_factor=8,
            chunk_frames=25,
            overlap_frames=9,
            defaults=GenerationDefaults(
                width=self.width,
                height=self.height,
                num_frames=NUM_FRAMES,
                fps=self.fps,
                num_inference_steps=STEPS,
                guidance_scale=1.0,
            ),
            max_pixels=MOST_PIXELS,
            audio=AudioFormat(RATE, channels=2) if self.sound else None,
        )
