"""States that are the last frames shown: what a family of clips goes on from.

Three forms of the same thing: `LastFrames` for those who look into it, `State` for those who
carry it, and a payload of JSON with the frames as base64 PNG for those who send it. Of a payload
everything is checked but the pixels, which somebody else decodes. Lossless both ways.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from matinee.errors import InvalidState
from matinee.generation import RgbFrames, State, StateSummary
from matinee.media.decoding import Encoded, Header, PictureRefused, header_of
from matinee.media.decoding.pool import Pictures
from matinee.wire import base64_text
from matinee.wire.long_json import Base64
from matinee_api.config.problems import sentence_of
from matinee_api.limits import MAX_SEED

MAX_FRAMES = 33
"""Frames in a state; no model takes over more."""
MAX_PROMPTS = 64
"""Prompts that a state remembers, the last ones."""
MAX_PIXELS = 1920 * 1088
"""Width x height of a frame, as `ModelInfo.max_pixels`."""
MAX_PROMPT_CHARACTERS = 8192
"""Of each prompt on the wire; the rest of a longer one is left out."""
MAX_KEYS = 64
"""In a payload, before it is looked at: an error for each of millions takes minutes."""

_Model = TypeVar("_Model", bound=BaseModel)

Prompt = Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)]


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    segment_index: int = Field(ge=0, lt=2**31)
    seed: int = Field(ge=0, le=MAX_SEED)
    prompts: list[str]


class _Picture(BaseModel):
    """Before the facts: of several mistakes the version's is told."""

    schema_version: int = Field(ge=1, le=1)
    width: int = Field(ge=1, le=MAX_PIXELS)
    height: int = Field(ge=1, le=MAX_PIXELS)
    frames_b64: Annotated[list[str], FailFast()] = Field(min_length=1, max_length=MAX_FRAMES)


class _Payload(_Facts, _Picture):
    prompts: Annotated[list[Prompt], FailFast()] = Field(max_length=MAX_PROMPTS)


@dataclass(frozen=True, slots=True, eq=False)
class LastFrames:
    """`frames`: the last ones shown; one when it is an initial image. `segment_index`: segments
    made so far. `prompts`: their prompts, oldest first."""

    frames: RgbFrames
    segment_index: int = 0
    seed: int = 0
    prompts: tuple[str, ...] = ()

    def to_state(self, kind: str) -> State:
        facts = {
            "segment_index": self.segment_index,
            "seed": self.seed,
            "prompts": list(self.prompts),
        }
        return State(kind, {"frames": self.frames}, facts)

    @classmethod
    def of(cls, state: State) -> LastFrames:
        """Raises `InvalidState` when the state is not of this form."""
        frames = state.tensors.get("frames")
        if frames is None or len(state.tensors) > 1 or not _are_rgb(frames):
            raise InvalidState(
                "the state's frames must be uint8 of shape (frames, height, width, 3)"
            )
        facts = _checked(_Facts, dict(state.facts), "facts")
        return cls(
            frames.astype(np.uint8, copy=False),
            facts.segment_index,
            facts.seed,
            tuple(facts.prompts),
        )


@dataclass(frozen=True, slots=True)
class LastFramesCodec:
    """See `codec.StateCodec`."""

    kind: str

    def of_image(self, picture: RgbFrames) -> State:
        return LastFrames(picture[None]).to_state(self.kind)

    def summary(self, state: State) -> StateSummary:
        known = LastFrames.of(state)
        count, height, width, _ = known.frames.shape
        return StateSummary(width, height, count, known.segment_index, known.seed)

    def to_payload(self, state: State) -> dict[str, Any]:
        known = LastFrames.of(state)
        return {
            "schema_version": 1,
            "width": known.frames.shape[2],
            "height": known.frames.shape[1],
            "frames_b64": [Base64(_encoded(frame)) for frame in known.frames],
            "segment_index": known.segment_index,
            "seed": known.seed,
            "prompts": [prompt[:MAX_PROMPT_CHARACTERS] for prompt in known.prompts[-MAX_PROMPTS:]],
        }

    def unpack(self, payload: dict[str, Any]) -> PackedFrames:
        if len(payload) > MAX_KEYS:
            raise InvalidState(f"payload: {len(payload)} keys; at most {MAX_KEYS} are allowed")
        checked = _checked(_Payload, payload, "payload")
        if checked.width * checked.height > MAX_PIXELS:
            raise InvalidState(f"payload.width x payload.height: at most {MAX_PIXELS} pixels")
        return PackedFrames(self.kind, checked)


@dataclass(frozen=True, slots=True)
class PackedFrames:
    """See `codec.PackedState`."""

    kind: str
    _payload: _Payload

    @property
    def summary(self) -> StateSummary:
        told = self._payload
        frames = len(told.frames_b64)
        return StateSummary(told.width, told.height, frames, told.segment_index, told.seed)

    @property
    def nbytes(self) -> int:
        told = self._payload
        pixels = told.width * told.height * len(told.frames_b64)
        return sum(map(len, told.frames_b64)) + 3 * pixels

    def pictures(self) -> Pictures:
        told = self._payload
        images = (self._picture(_place(i), text) for i, text in enumerate(told.frames_b64))
        return Pictures(len(told.frames_b64), images, told.width, told.height, exact=True)

    def _picture(self, place: str, text: str) -> tuple[Encoded, Header]:
        try:
            encoded = base64_text.decoded(text)
            header = header_of(encoded, "PNG", MAX_PIXELS)
        except ValueError as error:
            raise InvalidState(f"{place}: this is not base64") from error
        except PictureRefused as refusal:
            raise InvalidState(f"{place}: {refusal}") from refusal
        width, height = self._payload.width, self._payload.height
        if (header.width, header.height) != (width, height):
            raise InvalidState(f"{place}: this is not an RGB image of {width}x{height} pixels")
        return encoded, header

    def state(self, frames: RgbFrames) -> State:
        told = self._payload
        known = LastFrames(frames, told.segment_index, told.seed, tuple(told.prompts))
        return known.to_state(self.kind)

    def refused(self, refusal: PictureRefused) -> InvalidState:
        return InvalidState(f"{_place(refusal.index)}: {refusal}")


def _place(index: int) -> str:
    return f"payload.frames_b64.{index}"


def _are_rgb(frames: npt.NDArray[np.generic]) -> bool:
    shape = frames.shape
    return frames.dtype == "uint8" and len(shape) == 4 and shape[3] == 3 and shape[0] > 0


def _checked(model: type[_Model], values: dict[str, Any], place: str) -> _Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join([place, *map(str, first["loc"])])
        raise InvalidState(f"{path}: {sentence_of(first)}") from error


def _encoded(frame: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG", compress_level=1)
    return file.getvalue()
