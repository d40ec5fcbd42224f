"""From the fields of a request to an `Order` that the model can make. Pure.

The fields are OpenAI's, and those of `matinee_api.sampling`. A field that nobody knows is refused,
so that no client believes that it has an effect.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from matinee.errors import InvalidRequest
from matinee.generation import ModelInfo, check_can, check_prompt, check_request, with_defaults
from matinee.jobs.record import Order
from matinee_api.config.problems import nearest, sentence_of
from matinee_api.limits import MAX_DIMENSION
from matinee_api.sampling import NegativePrompt, Sampling, Seeded

LONGEST_S = 3600
MOST_FIELDS = 64
"""An error for each of a hundred thousand takes seconds."""
SIZE = re.compile(r"(\d{1,5})x(\d{1,5})", re.ASCII)
WITHOUT_EFFECT = frozenset({"user"})
"""Fields that clients send for their own sake."""


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


class RemixFields(BaseModel):
    """What a client may say of a remix."""

    model_config = ConfigDict(extra="forbid")

    prompt: Annotated[str, Field(min_length=1)]


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """`info`: the model as this server offers it. `seed`: the configured one."""

    info: ModelInfo
    prompt_characters: int
    seed: int | None = None


def video_order(fields: Mapping[str, Any], rules: Rules, input_mime: str | None = None) -> Order:
    """Raises `InvalidRequest`, naming the field and the nearest that the model can do."""
    asked = _read(VideoFields, fields)
    _check_model(asked.model, rules.info)
    check_can(rules.info, "image" if input_mime else "text", "input_reference")
    _check_length("prompt", asked.prompt, rules)
    _check_length("negative_prompt", asked.negative_prompt or "", rules)
    check_prompt(asked.prompt)
    seed = rules.seed if asked.seed is None else asked.seed
    request = with_defaults(
        rules.info.defaults,
        asked.prompt,
        secrets.randbits(32) if seed is None else seed,
        **_sampling(asked, rules.info),
    )
    check_request(rules.info, request, begins=input_mime is None)
    return Order(
        model=rules.info.model_id,
        prompt=request.prompt,
        seed=request.seed,
        seconds=_in_words(asked.seconds or request.num_frames / request.fps),
        sampling=_without(dataclasses.asdict(request), "prompt", "seed", "adapters"),
        input_mime=input_mime,
    )


IMAGE_FIELDS = frozenset(
    {"prompt", "model", "size", "seed", "num_inference_steps", "guidance_scale", "negative_prompt"}
)


def image_order(fields: Mapping[str, Any], rules: Rules) -> Order:
    """A video of one frame. Raises as above."""
    for name in fields.keys() - IMAGE_FIELDS - WITHOUT_EFFECT:
        raise UnknownField(name[:64], f"is not known here; {nearest(name, IMAGE_FIELDS)}")
    return video_order({**fields, "num_frames": 1}, rules)


def remix_order(fields: Mapping[str, Any], source_id: str, source: Order, rules: Rules) -> Order:
    """The same video with another prompt: same seed, size, length, image. Raises as above."""
    asked = _read(RemixFields, fields)
    _check_length("prompt", asked.prompt, rules)
    check_prompt(asked.prompt)
    changed = source.model_copy(update={"prompt": asked.prompt, "remixed_from": source_id})
    _check_model(source.model, rules.info)  # the server may have been given another one since
    check_request(rules.info, changed.request, begins=source.input_mime is None)
    return changed


def _read(model: type[Any], fields: Mapping[str, Any]) -> Any:
    known = {name: value for name, value in fields.items() if name not in WITHOUT_EFFECT}
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


def _check_model(name: str | None, info: ModelInfo) -> None:
    if name not in (None, info.model_id):
        raise UnknownModel(
            "model", f"there is no {name[:64]!r}; present: {info.model_id}", joint=": "
        )


def _check_length(param: str, text: str, rules: Rules) -> None:
    if len(text) > rules.prompt_characters:
        problem = f"has {len(text)} characters; at most {rules.prompt_characters} are allowed"
        raise InvalidRequest(param, problem)


def _sampling(asked: VideoFields, info: ModelInfo) -> dict[str, Any]:
    """What is asked besides the prompt, as the engine counts it."""
    names = (*Sampling.model_fields, *NegativePrompt.model_fields)
    values = {name: getattr(asked, name) for name in names}
    if asked.size is not None:
        values |= _size(asked)
    if asked.seconds is not None:
        if asked.num_frames is not None:
            raise InvalidRequest("seconds", "give seconds or num_frames, not both", joint=None)
        values["num_frames"] = _frames(asked.seconds, asked.fps or info.defaults.fps, info)
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
            f"{_in_words(seconds)} s are {frames} frames at {fps} a second; this model makes at "
            f"most {info.max_frames}; nearest: {_in_words(longest / fps)}",
            joint=": ",
        )
    return frames


def _in_words(seconds: float) -> str:
    """`4`, `2.04`."""
    return f"{seconds:.2f}".rstrip("0").rstrip(".")


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
