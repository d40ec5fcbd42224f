"""The fields of an order as a client sends them, and what they ask of a model. Pure.

They are OpenAI's, and those of `matinee_api.sampling`. A field that nobody knows is refused, so
that no client believes that it has an effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from matinee.errors import InvalidRequest
from matinee.generation import ModelInfo
from matinee_api.config.problems import nearest, sentence_of
from matinee_api.limits import MAX_DIMENSION
from matinee_api.sampling import NegativePrompt, Sampling, Seeded

Read = TypeVar("Read", bound=BaseModel)

LONGEST_S = 3600
MOST_FIELDS = 64
"""An error for each of a hundred thousand takes seconds."""
SIZE = re.compile(r"(\d{1,5})x(\d{1,5})", re.ASCII)
WITHOUT_EFFECT = frozenset({"user", "safety_identifier"})
"""Fields that clients send for their own sake."""
NOT_HERE = {
    "adapters": "there are no LoRA adapters here; leave adapters out",
    "characters": "no model here can show a character; describe it in the prompt, or send a "
    "picture of it as input_reference",
    "prompt_enhance": "prompts are not rewritten here; send the prompt as it is to be used",
}
"""Fields of other servers, and why they are refused, unless they ask for nothing."""
ASKS_NOTHING: tuple[Any, ...] = (None, False, "", "false", [], ())


class UnknownField(InvalidRequest):
    """No such field."""


class MissingField(InvalidRequest):
    """A field that must be there."""


class UnknownModel(InvalidRequest):
    """Another model than the one that is served."""


class VideoFields(NegativePrompt, Seeded, Sampling):
    """What a client may say of a video. A form has only text, so numbers may be text."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    prompt: Annotated[str, Field(min_length=1)]
    model: str | None = None
    seconds: Annotated[float, Field(gt=0, le=LONGEST_S, allow_inf_nan=False)] | None = None
    """Length of the video; `num_frames` says it exactly."""
    size: str | None = None
    """`WIDTHxHEIGHT`, instead of `width` and `height`."""

    @field_validator("seed", "num_frames", "num_inference_steps", "fps", mode="before")
    @classmethod
    def _no_switch(cls, value: object) -> object:
        """True would count as 1."""
        return str(value) if isinstance(value, bool) else value


class PromptAlone(BaseModel):
    """What a client may say of a remix, and of an edit."""

    model_config = ConfigDict(extra="forbid")

    prompt: Annotated[str, Field(min_length=1)]


def read_fields(model: type[Read], fields: Mapping[str, Any]) -> Read:
    """Raises `InvalidRequest`."""
    known = {name: value for name, value in fields.items() if name not in WITHOUT_EFFECT}
    for name, why in NOT_HERE.items():
        if known.pop(name, None) not in ASKS_NOTHING:
            raise InvalidRequest(name, why, joint=": ")
    if len(known) > MOST_FIELDS:
        raise UnknownField("", f"{len(known)} fields are too many", joint=None)
    try:
        return model.model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])[:64] if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            remedy = nearest(name, model.model_fields)
            raise UnknownField(name, f"is not known here; {remedy}") from None
        if first["type"] == "missing":
            raise MissingField(name, "is required, but missing") from None
        raise InvalidRequest(name, sentence_of(first), joint=": ") from None


def sampling_of(asked: VideoFields, fps: int, info: ModelInfo) -> dict[str, Any]:
    """What is asked besides the prompt, as the engine counts it."""
    names = (*Sampling.model_fields, *NegativePrompt.model_fields)
    values = {name: getattr(asked, name) for name in names}
    if asked.size is not None:
        values |= _size(asked)
    if asked.seconds is not None:
        if asked.num_frames is not None:
            raise InvalidRequest("seconds", "give seconds or num_frames, not both", joint=None)
        values["num_frames"] = _frames(asked.seconds, fps, info)
    return values


def _size(asked: VideoFields) -> dict[str, int]:
    if asked.width is not None or asked.height is not None:
        raise InvalidRequest("size", "give size, or width and height, not both", joint=None)
    matched = SIZE.fullmatch(asked.size or "")
    sides = [int(side) for side in matched.groups()] if matched else []
    if not sides or min(sides) < 1 or max(sides) > MAX_DIMENSION:
        raise InvalidRequest(
            "size", f"must be WIDTHxHEIGHT in pixels, such as 1280x720, got {asked.size!r:.40}"
        )
    return {"width": sides[0], "height": sides[1]}


def _frames(seconds: float, fps: int, info: ModelInfo) -> int:
    """The nearest number of frames that the model can make; a little longer where both are as
    near."""
    factor = info.temporal_factor
    frames = max(1, int((seconds * fps - 1) / factor + 0.5)) * factor + 1
    if frames > info.max_frames:
        longest = (info.max_frames - 1) // factor * factor + 1
        raise InvalidRequest(
            "seconds",
            f"{in_words(seconds)} s are {frames} frames at {fps} a second; this model makes at "
            f"most {info.max_frames}; nearest: {in_words(longest / fps)}",
            joint=": ",
        )
    return frames


def in_words(seconds: float) -> str:
    """`4`, `2.04`."""
    return f"{seconds:.2f}".rstrip("0").rstrip(".")
