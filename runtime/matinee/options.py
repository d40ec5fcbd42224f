"""From what a call of the Python API says to what the engine takes.

What the call leaves out comes from the configuration's request, then from the model.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TypedDict

from matinee.errors import InvalidRequest
from matinee.generation import (
    ContinuationState,
    ModelInfo,
    RgbFrames,
    SegmentRequest,
    check_request,
    with_defaults,
)
from matinee.media.images import decode_image
from matinee_api.runtime_config import RequestConfig

MAX_IMAGE_PIXELS = 64 * 10**6
_IMAGE_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}


class GenerationOptions(TypedDict, total=False):
    """What a call may set; None and what is left out come from the configuration, then from the
    model. Ranges: `matinee_api.runtime_config.SamplingConfig`."""

    negative_prompt: str | None
    image: str | Path | None
    """File (png, jpeg or webp) that the video starts from."""
    continuation_state: ContinuationState | None
    """Of the video that this one goes on from."""
    seed: int | None
    width: int | None
    height: int | None
    num_frames: int | None
    fps: int | None
    num_inference_steps: int | None
    guidance_scale: float | None


def request_from(
    prompt: str | None, options: GenerationOptions, defaults: RequestConfig, info: ModelInfo
) -> SegmentRequest:
    """The request; a seed is drawn when nobody gives one."""
    prompt = defaults.prompt if prompt is None else prompt
    if prompt is None:
        raise InvalidRequest("prompt", "there is no prompt")
    given = {name: value for name, value in options.items() if value is not None}
    values = {
        "negative_prompt": defaults.negative_prompt,
        "seed": secrets.randbelow(2**32),
        **defaults.sampling.model_dump(exclude_none=True),
        **given,
    }
    values.pop("image", None)
    values.pop("continuation_state", None)
    return with_defaults(info.defaults, prompt, **values)


def starting_state(
    request: SegmentRequest, options: GenerationOptions, defaults: RequestConfig, info: ModelInfo
) -> ContinuationState | None:
    """What the video goes on from: a state, an image, or nothing."""
    state, image = options.get("continuation_state"), options.get("image")
    if state is not None and image is not None:
        raise InvalidRequest("image", "give an image or a continuation_state, not both")
    if state is None and image is None:
        image = defaults.image_path
    if image is None:
        return state
    check_request(info, request)  # before a picture of that size is made
    return ContinuationState(info.state_kind, _read_image(Path(image), request)[None])


def _read_image(path: Path, request: SegmentRequest) -> RgbFrames:
    """(H, W, 3) of the request's size."""
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise InvalidRequest("image", f"{path} cannot be read: {error.strerror}") from error
    mime = _IMAGE_TYPES.get(path.suffix.lower(), path.suffix)
    return decode_image(encoded, mime, request.width, request.height, MAX_IMAGE_PIXELS)
