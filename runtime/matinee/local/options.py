"""From what a call of the Python API says to what the engine takes.

What the call leaves out comes from the configuration's request, then from the model.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from matinee.errors import InvalidRequest, InvalidState
from matinee.generation import (
    ModelInfo,
    RgbFrames,
    SamplingOptions,
    SegmentRequest,
    State,
    check_prompt,
    check_request,
    with_defaults,
)
from matinee.media.images import decode_image
from matinee.media.suffixes import MIME_OF_SUFFIX
from matinee.state.codec import state_of_image
from matinee_api.bounded_file import read_at_most
from matinee_api.config.problems import nearest, sentence_of
from matinee_api.config.runtime_config import RequestConfig, SamplingConfig

MAX_IMAGE_BYTES = 256 * 2**20
MAX_IMAGE_PIXELS = 64 * 10**6


class GenerationOptions(SamplingOptions, total=False):
    """What a call may set; None and what is left out come from the configuration, then from the
    model. Ranges: `matinee_api.sampling`."""

    image: str | Path | None
    """File (png, jpeg or webp) that the video starts from."""
    continuation_state: State | None
    """Of the video that this one goes on from."""


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
        return state
    check_request(info, request)  # before a picture of that size is made
    return state_of_image(info, _read_image(path_of("image", image), request))


def checked_state(state: object) -> State | None:
    """The state itself. Raises `InvalidState` when it is something else."""
    if state is None or isinstance(state, State):
        return state
    raise InvalidState(
        "continuation_state must be one that a video left, such as video.continuation_state; "
        f"got {type(state).__name__}"
    )


def path_of(name: str, value: object) -> Path:
    """Raises `InvalidRequest` for what is not a path."""
    if isinstance(value, str | Path):
        return Path(value)
    raise InvalidRequest(name, f"must be a path, got {value!r:.60}")


def _checked(prompt: object, options: Mapping[str, object]) -> RequestConfig:
    """What the call says, by the rules of a configuration file."""
    known = GenerationOptions.__annotations__
    for name in options:
        if name not in known:
            raise InvalidRequest(
                name, f"there is no option {name}; {nearest(name, known)}", joint=None
            )
    values = {name: _plain(value) for name, value in options.items()}
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


def _plain(value: object) -> object:
    """Python's own number for one of NumPy's."""
    return value.item() if isinstance(value, np.generic) else value


def _read_image(path: Path, request: SegmentRequest) -> RgbFrames:
    """(H, W, 3) of the request's size."""
    try:
        encoded = read_at_most(path, MAX_IMAGE_BYTES)
    except OSError as error:
        raise InvalidRequest(
            "image", f"{path} cannot be read: {error.strerror}", joint=None
        ) from error
    mime = MIME_OF_SUFFIX.get(path.suffix.lower(), path.suffix)
    try:
        return decode_image(encoded, mime, request.width, request.height, MAX_IMAGE_PIXELS)
    except InvalidRequest as error:
        raise error.renamed({"initial_image": "image"}) from error
