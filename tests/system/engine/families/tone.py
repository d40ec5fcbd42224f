"""A family that makes sound, without weights: a bar that moves, and the tone that is asked for.

It is an engine family like any other and a backend of the worker, but in no table that users see.
Its state is its own: where the wave stands, and how much was shown. The prompt `440 Hz` asks for
that frequency; the wave goes on across chunks, segments and changes of frequency. The orders of
`fake_engine` are obeyed too.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from matinee.engine.colour import rgb_to_i420
from matinee.engine.engine import Engine
from matinee.errors import InvalidRequest, InvalidState
from matinee.generation import (
    AudioFormat,
    Chunk,
    GenerationDefaults,
    ModelInfo,
    Pcm,
    RgbFrames,
    SegmentRequest,
    State,
    StateSummary,
    StepProgress,
    plan_chunks,
    samples_of,
)
from matinee.media.decoding import PictureRefused
from matinee.media.decoding.pool import Pictures
from matinee.state import codec
from matinee.worker.torch_backend import recover
from matinee_api.config.problems import sentence_of
from matinee_api.config.runtime_config import GeneratorConfig
from tests.unit.runtime.worker import fake_engine

__all__ = [
    "INFO",
    "KIND",
    "ToneCodec",
    "ToneFamily",
    "load",
    "recover",
    "rgb_to_i420",
]

_Model = TypeVar("_Model", bound=BaseModel)

KIND = "tone.v1"
RATE = 48_000
LOUDNESS = 0.5
KNOWN_FRAMES = 9
"""A segment that goes on counts as many as known: the same number for each, whatever was shown."""

INFO = ModelInfo(
    model_id="tone",
    family="tone",
    state_kind=KIND,
    spatial_factor=32,
    temporal_factor=8,
    chunk_frames=17,
    overlap_frames=KNOWN_FRAMES,
    defaults=GenerationDefaults(
        width=64, height=64, num_frames=25, fps=24, num_inference_steps=2, guidance_scale=1.0
    ),
    audio=AudioFormat(RATE, channels=2),
)


def load(_generator: GeneratorConfig) -> Engine:
    codec.CODECS[KIND] = ToneCodec()  # in the worker's process; the server's has it already
    return Engine(ToneFamily())


class _Facts(BaseModel):
    """Of a state, and with the phase all of its payload."""

    model_config = ConfigDict(extra="forbid", strict=True)

    width: int = Field(ge=32, le=4096)
    height: int = Field(ge=32, le=4096)
    segment_index: int = Field(ge=1, lt=2**31)
    seed: int = Field(ge=0, lt=2**63)
    frames: int = Field(ge=1, lt=2**31)


class _Payload(_Facts):
    phase: str = Field(max_length=12)


class ToneFamily:
    """See `families.Family`."""

    info = INFO
    modules = ()

    def characters_read(self, prompt: str) -> int:
        return len(prompt)

    def begin(self, request: SegmentRequest, state: State | None) -> ToneRun:
        return ToneRun(request, state)


class ToneRun:
    """See `families.Run`."""

    def __init__(self, request: SegmentRequest, state: State | None) -> None:
        self._request = request
        self._hz = _asked_hz(request)
        self._phase, facts = 0.0, None
        if state is not None:
            self._phase, facts = _read(state)
            if (facts.width, facts.height) != (request.width, request.height):
                raise InvalidState(
                    f"the state is {facts.width}x{facts.height}, but "
                    f"{request.width}x{request.height} is asked for"
                )
        self._segment_index = facts.segment_index if facts else 0
        self._frames_before = facts.frames if facts else 0
        self._plans = plan_chunks(INFO, request.num_frames, KNOWN_FRAMES if state else 0)
        self._chunk = 0
        self._frames = 0

    @property
    def total_steps(self) -> int:
        return len(self._plans) * self._request.num_inference_steps

    @property
    def finished(self) -> bool:
        return self._chunk == len(self._plans)

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        steps = self._request.num_inference_steps
        for number in range(self._chunk * steps + 1, (self._chunk + 1) * steps + 1):
            fake_engine._obey(self._request.prompt, number)
            on_step(StepProgress(number, self.total_steps))
        count = self._plans[self._chunk].new
        length = samples_of(self._frames, count, RATE, self._request.fps)
        chunk = Chunk(self._bars(count), self._tone(length))
        self._phase = (self._phase + self._hz * length / RATE) % 1.0
        self._frames += count
        self._chunk += 1
        return chunk

    def state(self) -> State:
        if not self._chunk:
            raise RuntimeError("no chunk has been made yet")
        facts = _Facts(
            width=self._request.width,
            height=self._request.height,
            segment_index=self._segment_index + 1,
            seed=self._request.seed,
            frames=self._frames_before + self._frames,
        )
        return State(KIND, {"phase": np.array([self._phase])}, facts.model_dump())

    def _bars(self, count: int) -> torch.Tensor:
        """A bright bar, one pixel to the right with each frame, on a grey that the seed chooses."""
        request = self._request
        frames = torch.full((count, request.height, request.width, 3), 40 + request.seed % 64)
        for index in range(count):
            left = (self._frames_before + self._frames + index) % (request.width - 8)
            frames[index, :, left : left + 8] = 220
        return frames.to(torch.uint8)

    def _tone(self, length: int) -> Pcm:
        time = torch.arange(length, dtype=torch.float64) / RATE
        wave = LOUDNESS * torch.sin(2 * math.pi * (self._phase + self._hz * time))
        return Pcm(np.repeat(wave.float().numpy()[:, None], 2, axis=1), RATE)


@dataclass(frozen=True, slots=True)
class ToneCodec:
    """See `codec.StateCodec`."""

    kind: str = KIND

    def of_image(self, picture: RgbFrames) -> State:
        raise InvalidRequest("initial_image", "a tone cannot begin with an image")

    def of_video(self, frames: RgbFrames) -> State:
        raise InvalidRequest("video", "a tone cannot go on from pictures")

    def summary(self, state: State) -> StateSummary:
        _, facts = _read(state)
        return StateSummary(
            facts.width, facts.height, KNOWN_FRAMES, facts.segment_index, facts.seed
        )

    def to_payload(self, state: State) -> dict[str, Any]:
        phase, facts = _read(state)
        text = base64.b64encode(np.array([phase], "<f8").tobytes()).decode()
        return {**facts.model_dump(), "phase": text}

    def unpack(self, payload: dict[str, Any]) -> PackedTone:
        checked = _checked(_Payload, payload)
        phase = np.frombuffer(base64.b64decode(checked.phase), "<f8").copy()
        return PackedTone(State(KIND, {"phase": phase}, checked.model_dump(exclude={"phase"})))


@dataclass(frozen=True, slots=True)
class PackedTone:
    """See `codec.PackedState`. There is nothing to decode."""

    _state: State
    kind: str = KIND

    @property
    def summary(self) -> StateSummary:
        return ToneCodec().summary(self._state)

    @property
    def nbytes(self) -> int:
        return self._state.nbytes

    def pictures(self) -> Pictures:
        return Pictures(0, (), 0, 0, exact=True)

    def state(self, _frames: RgbFrames) -> State:
        return self._state

    def refused(self, refusal: PictureRefused) -> InvalidState:
        raise NotImplementedError from refusal


def _asked_hz(request: SegmentRequest) -> int:
    asked = re.search(r"(\d+) Hz", request.prompt)
    return int(asked[1]) if asked else 440


def _read(state: State) -> tuple[float, _Facts]:
    phase = state.tensors.get("phase")
    if phase is None or phase.shape != (1,) or phase.dtype != np.float64:
        raise InvalidState("the state's phase must be one float64")
    value = float(phase.astype(np.float64)[0])
    if not 0 <= value < 1:
        raise InvalidState(f"the state's phase must be from 0 to 1, got {value}")
    return value, _checked(_Facts, dict(state.facts))


def _checked(model: type[_Model], values: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidState(f"{first['loc'][-1]}: {sentence_of(first)}") from error
