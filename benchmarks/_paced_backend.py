"""A worker's backend without a model: a clip of 480p at the pace at which four viewers watch it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.encode_scene import i420_scene, scene
from matinee.errors import InvalidRequest
from matinee.generation import (
    Chunk,
    GenerationDefaults,
    ModelInfo,
    RgbFrames,
    SegmentRequest,
    State,
    StepProgress,
)
from matinee.media.i420 import I420Picture
from matinee.state.last_frames import LastFrames
from matinee_api.config.runtime_config import GeneratorConfig
from matinee_api.families import LTX

WIDTH, HEIGHT, FPS, CHUNK, SEGMENT = 832, 480, 24, 17, 81
SESSIONS = 4
STEPS = 4
INFO = ModelInfo(
    model_id="paced",
    family="paced",
    state_kind=LTX.state_kind,
    spatial_factor=16,
    temporal_factor=8,
    chunk_frames=CHUNK,
    overlap_frames=1,
    defaults=GenerationDefaults(
        width=WIDTH,
        height=HEIGHT,
        num_frames=SEGMENT,
        fps=FPS,
        num_inference_steps=STEPS,
        guidance_scale=1.0,
    ),
)


def load(_generator: GeneratorConfig) -> PacedEngine:
    state()  # made before anybody waits for it
    return PacedEngine(i420_scene(WIDTH, HEIGHT, CHUNK))


def rgb_to_i420(frames: RgbFrames, out: Sequence[I420Picture]) -> None:
    """`frames` are I420 already: the conversion is the worker's business, not the API process's."""
    for frame, picture in zip(frames, out, strict=True):
        picture[:] = frame


def recover(_error: Exception) -> bool:
    return True


@functools.cache
def state() -> State:
    """Nine frames of 704x480, as large as the families' usual ones."""
    return LastFrames(np.stack(scene(704, 480, 9))).to_state(INFO.state_kind)


class PacedEngine:
    info = INFO

    def __init__(self, clip: list[I420Picture]) -> None:
        self._clip = np.stack(clip)

    def begin(self, request: SegmentRequest, _state: State | None) -> PacedRun:
        if (request.width, request.height) != (WIDTH, HEIGHT):
            raise InvalidRequest("width", f"the clip is {WIDTH}x{HEIGHT}", joint=": ")
        return PacedRun(self._clip, request)

    def characters_read(self, prompt: str) -> int:
        return len(prompt)

    def trial_opening(self) -> None:
        """A prompt is enough."""

    def on_part_done(self, _tell: Callable[[], None]) -> None:
        """A step is over before anybody would ask."""


class PacedRun:
    """`finished` after as many chunks as the request needs."""

    def __init__(self, clip: RgbFrames, request: SegmentRequest) -> None:
        self._clip = clip
        self._left = request.num_frames
        self._step = 0
        self._total = -(-request.num_frames // CHUNK) * STEPS

    @property
    def finished(self) -> bool:
        return self._left <= 0

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        for _ in range(STEPS):
            time.sleep(CHUNK / FPS / SESSIONS / STEPS)
            self._step += 1
            on_step(StepProgress(self._step, self._total))
        frames = self._clip[: min(CHUNK, self._left)]
        self._left -= len(frames)
        return Chunk(frames)

    def state(self) -> State:
        return state()
