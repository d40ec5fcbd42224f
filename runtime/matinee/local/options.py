"""From what a call of the Python API says to what the engine takes.

What the call leaves out comes from the configuration's request, then from the model.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from typing import cast

from pydantic import ValidationError

from matinee.errors import InvalidRequest, InvalidState
from matinee.generation import (
    ModelInfo,
    SamplingOptions,
    SegmentRequest,
    State,
    check_can,
    check_prompt,
    check_request,
    with_defaults,
)
from matinee.local.pictures import Picture, picture_of
from matinee.state.codec import state_of_image, summary_of
from matinee_api.config.load import validate
from matinee_api.config.problems import nearest, sentence_of
from matinee_api.config.runtime_config import RequestConfig, SamplingConfig


class GenerationOptions(SamplingOptions, total=False):
    """What a call may set; None and what is left out come from the configuration, then from the
    model. Ranges: `matinee_api.sampling`."""

    image: Picture | None
    """That the video starts from. Files are png, jpeg or webp, whatever their name."""
    continuation_state: State | None
    """Of the video that this one goes on from."""


Request = RequestConfig | Mapping[str, object]
"""Of one generation, as a configuration file says it."""


HEALTH_CHECK_PIXELS = 256
"""Along each side, where the model's own default has more."""


def health_check_request(info: ModelInfo) -> RequestConfig:
    """One step, a clip as short as there is, and small."""
    usual, factor = info.defaults, info.spatial_factor
    largest = max(factor, HEALTH_CHECK_PIXELS // factor * factor)
    sampling = SamplingConfig(
        width=min(usual.width, largest),
        height=min(usual.height, largest),
        num_frames=info.temporal_factor + 1,
        num_inference_steps=1,
        seed=0,
    )
    return RequestConfig(prompt="a health check", sampling=sampling)


def with_request(defaults: RequestConfig, request: Request) -> RequestConfig:
    """The defaults with what the request says put over them. Raises `ConfigError`."""
    if not isinstance(request, RequestConfig):
        request = validate(RequestConfig, as_written(request))
    before, over = (one.model_dump(exclude_none=True) for one in (defaults, request))
    sampling = before["sampling"] | over["sampling"]
    return RequestConfig.model_validate(before | over | {"sampling": sampling})


def request_from(
    prompt: str | None, options: GenerationOptions, defaults: RequestConfig, info: ModelInfo
) -> SegmentRequest:
    """The request; a seed is drawn when nobody gives one. Raises `InvalidRequest`."""
    called = _checked(prompt, options)
    prompt = defaults.prompt if called.prompt is None else called.prompt
    if prompt is None:
        raise InvalidRequest("prompt", "there is no prompt", joint=None)
    check_prompt(prompt)
    negative = called.negative_prompt
    values = {
        "negative_prompt": defaults.negative_prompt if negative is None else negative,
        "seed": secrets.randbelow(2**32),
        **defaults.sampling.model_dump(exclude_none=True),
        **called.sampling.model_dump(exclude_none=True),
    }
    return with_defaults(info.defaults, prompt, **values)


def starting_state(
    request: SegmentRequest, options: GenerationOptions, defaults: RequestConfig, info: ModelInfo
) -> State | None:
    """What the video goes on from: a state, an image, or nothing."""
    state, image = checked_state(options.get("continuation_state")), options.get("image")
    if state is not None and image is not None:
        raise InvalidRequest("image", "give an image or a continuation_state, not both", joint=None)
    if state is None and image is None:
        image = defaults.image_path
    if image is None:
        if state is None:
            check_can(info, "text", "image")
        return state
    check_can(info, "image", "image")
    check_request(info, request, begins=True)  # before a picture of that size is made
    return state_of_image(info, picture_of(image, request.width, request.height))


def going_on(
    state: State | None, prompt: str | RequestConfig | None, options: GenerationOptions
) -> GenerationOptions:
    """The options with the state's values put under them and under those of a request; an image
    begins anew."""
    asked = prompt if isinstance(prompt, RequestConfig) else RequestConfig()
    begins = options.get("image"), options.get("continuation_state"), asked.image_path
    if state is None or any(value is not None for value in begins):
        return options
    told = summary_of(state)
    carried: dict[str, object] = {
        name: getattr(told, name)
        for name in ("width", "height", "seed")
        if getattr(asked.sampling, name) is None
    }
    given = {name: value for name, value in options.items() if value is not None}
    return cast(GenerationOptions, {"continuation_state": state, **carried, **given})


def checked_state(state: object) -> State | None:
    """The state itself. Raises `InvalidState` when it is something else."""
    if state is None or isinstance(state, State):
        return state
    raise InvalidState(
        "continuation_state must be one that a video left, such as video.continuation_state; "
        f"got {type(state).__name__}"
    )


def _checked(prompt: object, options: Mapping[str, object]) -> RequestConfig:
    """What the call says, by the rules of a configuration file."""
    check_names(options, GenerationOptions.__annotations__)
    values = {name: as_written(value) for name, value in options.items()}
    sampling = {name: values[name] for name in SamplingConfig.model_fields if name in values}
    negative_prompt = values.get("negative_prompt")
    try:
        return RequestConfig.model_validate(
            {"prompt": prompt, "negative_prompt": negative_prompt, "sampling": sampling}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][-1])
        raise InvalidRequest(name, sentence_of(first), joint=": ") from error


def check_names(given: Iterable[str], known: Iterable[str], *others: str) -> None:
    """Raise `InvalidRequest` for a keyword that is not known, with the nearest that is."""
    names = [*known, *others]
    for name in given:
        if name not in names:
            raise InvalidRequest(
                name, f"there is no option {name}; {nearest(name, names)}", joint=None
            )


def as_written(value: object) -> object:
    """What Python programs have in place of what a configuration file says: numbers of NumPy and
    torch, paths, and types of torch, also within mappings and sequences."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return value.item()
    match value:
        case Mapping():
            return {name: as_written(each) for name, each in value.items()}
        case list() | tuple():
            return [as_written(each) for each in value]
        case os.PathLike():
            return os.fspath(value)
        case _:
            is_torchs = type(value).__module__ == "torch"
            return str(value).removeprefix("torch.") if is_torchs else value
