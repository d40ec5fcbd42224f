"""States that are the last frames shown: what a family of clips goes on from, with the end of the
sound if it makes any.

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
MAX_SOUND_BYTES = 2**20
"""Of the sound in a state; a second of it takes 50 KB."""
MAX_SOUND_SHIFT_US = 100_000
MAX_KEYS = 64
"""In a payload, before it is looked at: an error for each of millions takes minutes."""

_Model = TypeVar("_Model", bound=BaseModel)

Prompt = Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)]


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    segment_index: int = Field(ge=0, lt=2**31)
    seed: int = Field(ge=0, le=MAX_SEED)
    prompts: list[str]
    sound_shift_us: int | None = Field(default=None, ge=-MAX_SOUND_SHIFT_US, le=MAX_SOUND_SHIFT_US)


class _Picture(BaseModel):
    """Before the facts: of several mistakes the version's is told."""

    schema_version: int = Field(ge=1, le=1)
    width: int = Field(ge=1, le=MAX_PIXELS)
    height: int = Field(ge=1, le=MAX_PIXELS)
    frames_b64: Annotated[list[str], FailFast()] = Field(min_length=1, max_length=MAX_FRAMES)


class _Payload(_Facts, _Picture):
    prompts: Annotated[list[Prompt], FailFast()] = Field(max_length=MAX_PROMPTS)
    sound_b64: str | None = Field(default=None, max_length=MAX_SOUND_BYTES * 4 // 3 + 4)
    sound_shape: list[int] | None = Field(default=None, max_length=3)


@dataclass(frozen=True, slots=True, eq=False)
class SoundTail:
    """The end of a video's sound as its model's spectrogram: `mel`, float32 (channels, steps,
    bins). It ends so many microseconds after the last frame (`shift_us`, less than 0: before)."""

    mel: npt.NDArray[np.float32]
    shift_us: int


@dataclass(frozen=True, slots=True, eq=False)
class LastFrames:
    """`frames`: the last ones shown; one when it is an initial image. `segment_index`: segments
    made so far. `prompts`: their prompts, oldest first."""

    frames: RgbFrames
    segment_index: int = 0
    seed: int = 0
    prompts: tuple[str, ...] = ()
    sound: SoundTail | None = None

    def to_state(self, kind: str) -> State:
        facts = {
            "segment_index": self.segment_index,
            "seed": self.seed,
            "prompts": list(self.prompts),
        }
        if self.sound is None:
            return State(kind, {"frames": self.frames}, facts)
        facts["sound_shift_us"] = self.sound.shift_us
        return State(kind, {"frames": self.frames, "sound": self.sound.mel}, facts)

    @classmethod
    def of(cls, state: State) -> LastFrames:
        """Raises `InvalidState` when the state is not of this form."""
        frames = state.tensors.get("frames")
        if frames is None or not state.tensors.keys() <= _TENSORS or not _are_rgb(frames):
            raise InvalidState(
                "the state's frames must be uint8 of shape (frames, height, width, 3)"
            )
        facts = _checked(_Facts, dict(state.facts), "facts")
        return cls(
            frames.astype(np.uint8, copy=False),
            facts.segment_index,
            facts.seed,
            tuple(facts.prompts),
            _sound_of(state.tensors.get("sound"), facts.sound_shift_us),
        )


_TENSORS = {"frames", "sound"}


def _sound_of(mel: npt.NDArray[np.generic] | None, shift_us: int | None) -> SoundTail | None:
    if mel is None and shift_us is None:
        return None
    if mel is None or shift_us is None:
        raise InvalidState("the state's sound and its sound_shift_us belong together")
    if mel.dtype != np.float32 or mel.ndim != 3 or not 0 < mel.nbytes <= MAX_SOUND_BYTES:
        raise InvalidState(
            "the state's sound must be float32 of shape (channels, steps, bins), "
            f"of at most {MAX_SOUND_BYTES} bytes"
        )
    if not np.isfinite(mel).all():
        raise InvalidState("the state's sound holds something that is no number")
    return SoundTail(mel.astype(np.float32, copy=False), shift_us)


@dataclass(frozen=True, slots=True)
class LastFramesCodec:
    """See `codec.StateCodec`. `with_sound`: a state may hold the end of the sound too."""

    kind: str
    with_sound: bool = False

    def of_image(self, picture: RgbFrames) -> State:
        return LastFrames(picture[None]).to_state(self.kind)

    def of_video(self, frames: RgbFrames) -> State:
        """As after one segment, so that the noise of the next is not that of the first."""
        return LastFrames(frames, segment_index=1).to_state(self.kind)

    def summary(self, state: State) -> StateSummary:
        known = self._read(state)
        count, height, width, _ = known.frames.shape
        return StateSummary(width, height, count, known.segment_index, known.seed)

    def to_payload(self, state: State) -> dict[str, Any]:
        known = self._read(state)
        return {
            "schema_version": 1,
            "width": known.frames.shape[2],
            "height": known.frames.shape[1],
            "frames_b64": [Base64(_encoded(frame)) for frame in known.frames],
            "segment_index": known.segment_index,
            "seed": known.seed,
            "prompts": [prompt[:MAX_PROMPT_CHARACTERS] for prompt in known.prompts[-MAX_PROMPTS:]],
            **_written(known.sound),
        }

    def _read(self, state: State) -> LastFrames:
        known = LastFrames.of(state)
        if known.sound is not None and not self.with_sound:
            raise InvalidState(f"a state of kind {self.kind!r} holds no sound")
        return known

    def unpack(self, payload: dict[str, Any]) -> PackedFrames:
        if len(payload) > MAX_KEYS:
            raise InvalidState(f"payload: {len(payload)} keys; at most {MAX_KEYS} are allowed")
        checked = _checked(_Payload, payload, "payload")
        if checked.width * checked.height > MAX_PIXELS:
            raise InvalidState(f"payload.width x payload.height: at most {MAX_PIXELS} pixels")
        sound = _sound_from(checked)
        if sound is not None and not self.with_sound:
            raise InvalidState(f"payload.sound_b64: a state of kind {self.kind!r} holds no sound")
        return PackedFrames(self.kind, checked, sound)


@dataclass(frozen=True, slots=True)
class PackedFrames:
    """See `codec.PackedState`."""

    kind: str
    _payload: _Payload
    _sound: SoundTail | None

    @property
    def summary(self) -> StateSummary:
        told = self._payload
        frames = len(told.frames_b64)
        return StateSummary(told.width, told.height, frames, told.segment_index, told.seed)

    @property
    def nbytes(self) -> int:
        told = self._payload
        pixels = told.width * told.height * len(told.frames_b64)
        return sum(map(len, told.frames_b64)) + len(told.sound_b64 or "") + 3 * pixels

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
        known = LastFrames(frames, told.segment_index, told.seed, tuple(told.prompts), self._sound)
        return known.to_state(self.kind)

    def refused(self, refusal: PictureRefused) -> InvalidState:
        return InvalidState(f"{_place(refusal.index)}: {refusal}")


def _place(index: int) -> str:
    return f"payload.frames_b64.{index}"


def _written(sound: SoundTail | None) -> dict[str, Any]:
    if sound is None:
        return {}
    return {
        "sound_b64": Base64(np.ascontiguousarray(sound.mel, "<f4").tobytes()),
        "sound_shape": list(sound.mel.shape),
        "sound_shift_us": sound.shift_us,
    }


def _sound_from(told: _Payload) -> SoundTail | None:
    """Raises `InvalidState`."""
    if told.sound_b64 is None or told.sound_shape is None:
        return _sound_of(None, told.sound_shift_us)
    try:
        numbers = np.frombuffer(base64_text.decoded(told.sound_b64), "<f4")
        mel = numbers.reshape(told.sound_shape).copy() if min(told.sound_shape) > 0 else numbers
    except (ValueError, OverflowError) as error:
        raise InvalidState("payload.sound_b64: this is not sound of payload.sound_shape") from error
    return _sound_of(mel, told.sound_shift_us)


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
