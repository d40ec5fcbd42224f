"""Whether a model can do what is asked: a refusal names the field and the nearest valid values."""

from __future__ import annotations

from collections.abc import Mapping

from matinee.errors import InvalidRequest
from matinee.generation.chunks import clip_length_within
from matinee.generation.model_info import (
    MOST_FRAMES,
    MOST_GUIDANCE,
    MOST_PIXELS,
    MOST_STEPS,
    ModelInfo,
)
from matinee.generation.request import SegmentRequest
from matinee_api.families import CAPABILITIES, Capability
from matinee_api.limits import MAX_FPS, MAX_SEED


def check_prompt(prompt: str) -> None:
    """Raise `InvalidRequest` for a prompt that says nothing."""
    if not prompt.strip():
        raise InvalidRequest("prompt", "is empty; say what to show")


MOST: dict[str, float] = {
    "num_frames": MOST_FRAMES,
    "num_inference_steps": MOST_STEPS,
    "guidance_scale": MOST_GUIDANCE,
}
"""Of each field what no model takes more of."""


def check_widest(given: Mapping[str, float | None]) -> None:
    """Raise `InvalidRequest` for what no model takes, before one is loaded. `given`: the fields of
    a request that are set."""
    for param, most in MOST.items():
        if (value := given.get(param)) is not None and value > most:
            raise InvalidRequest(param, f"must be at most {most:g}, got {value}")
    _check_pixels(int(given.get("width") or 0), int(given.get("height") or 0), MOST_PIXELS)


def check_can(info: ModelInfo, what: Capability, param: str) -> None:
    """Raise `InvalidRequest` where this model cannot begin in that way, with what it can. `param`:
    what was given; for `text` the image that was not."""
    if what not in info.capabilities:
        problem = "is needed" if what == "text" else "cannot be taken"
        can = " or ".join(CAPABILITIES[name] for name in info.capabilities)
        raise InvalidRequest(param, f"{problem}: {info.model_id} makes {can}")


def check_request(info: ModelInfo, request: SegmentRequest, *, begins: bool = False) -> None:
    """Raise `InvalidRequest`, naming the field and the nearest valid values. `begins`: nothing came
    before, so that a single frame is a video too."""
    _check_multiple("width", request.width, info.spatial_factor)
    _check_multiple("height", request.height, info.spatial_factor)
    _check_pixels(request.width, request.height, info.max_pixels)
    if not (begins and request.num_frames == 1):
        _check_frames(request.num_frames, info)
    _check_range("fps", request.fps, 1, MAX_FPS)
    _check_range("num_inference_steps", request.num_inference_steps, 1, info.max_steps)
    _check_work(info, request)
    _check_range("guidance_scale", request.guidance_scale, 0.0, info.max_guidance_scale)
    _check_range("seed", request.seed, 0, MAX_SEED)
    if request.adapters:
        raise InvalidRequest("adapters", "adapters are not available with this model")


def _check_pixels(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise InvalidRequest(
            "width",
            f"{width} x {height} (width x height) is {width * height} pixels; "
            f"at most {most} are allowed",
            joint=None,
        )


def _check_work(info: ModelInfo, request: SegmentRequest) -> None:
    pixels, frames = request.width * request.height, request.num_frames
    steps = request.num_inference_steps
    if info.max_work is None or pixels * frames * steps <= info.max_work:
        return
    usual = info.defaults
    excess = {
        "width": pixels / (usual.width * usual.height),
        "num_frames": frames / usual.num_frames,
        "num_inference_steps": steps / usual.num_inference_steps,
    }
    raise InvalidRequest(
        max(excess, key=lambda name: excess[name]),
        f"{request.width} x {request.height} pixels x {frames} num_frames x {steps} "
        f"num_inference_steps is {pixels * frames * steps}; at most {info.max_work} is allowed",
        joint=None,
    )


def _check_range(param: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise InvalidRequest(param, f"must be from {low} to {high}, got {value}")


def _check_multiple(param: str, value: int, factor: int) -> None:
    below = max(factor, value // factor * factor)
    if value != below:
        nearest = f"{below}" if value < factor else f"{below} or {below + factor}"
        raise InvalidRequest(
            param, f"must be a multiple of {factor}, got {value}; nearest: {nearest}"
        )


def _check_frames(num_frames: int, info: ModelInfo) -> None:
    factor = info.temporal_factor
    if not factor + 1 <= num_frames <= info.max_frames:
        raise InvalidRequest(
            "num_frames",
            f"must be from {factor + 1} to {info.max_frames}, got {num_frames}",
        )
    below = clip_length_within(num_frames, factor)
    if num_frames != below:
        above = below + factor
        nearest = f"{below} or {above}" if above <= info.max_frames else f"{below}"
        raise InvalidRequest(
            "num_frames",
            f"must be {factor} x k + 1, got {num_frames}; nearest: {nearest}",
        )
