"""What is asked of a model and what it may be asked: plain values, no torch, no I/O.

A `SegmentRequest` (and, when the video goes on, a `ContinuationState`) enters the engine; a
`ModelInfo` tells which requests the loaded model can take, so that the API process can refuse a
bad one without torch. Both cross the process boundary.

A clip of a latent video model has `temporal_factor * k + 1` frames, because the first latent
frame stands for one picture. `num_frames` always means that clip length. A segment that goes on
from an earlier one shares its first frame with the last frame before it, so it adds
`num_frames - 1` new frames.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from matinee.errors import InvalidRequest, InvalidState

RgbFrames = npt.NDArray[np.uint8]
"""uint8, shape (frames, height, width, 3), RGB, full range."""

MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """One prompt and everything that decides its pixels. `fps` only labels time."""

    prompt: str
    seed: int
    width: int
    height: int
    num_frames: int
    fps: int
    num_inference_steps: int
    guidance_scale: float
    negative_prompt: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ContinuationState:
    """What the next segment needs to go on without a seam.

    `frames`: the last frames shown, `RgbFrames`; one frame when it comes from an initial image.
    `segment_index`: segments made so far. `prompts`: their prompts, oldest first.
    """

    kind: str
    frames: RgbFrames
    segment_index: int = 0
    seed: int = 0
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """One call of the pipeline: a clip of `window` frames, of which the first `given` are known
    beforehand and the last `new` are shown. An initial image is known and shown."""

    window: int
    given: int
    new: int


@dataclass(frozen=True, slots=True)
class StepProgress:
    """One denoising step is done. `step` counts from 1 over all the chunks of the segment."""

    step: int
    total_steps: int
    stage: str = "denoise"


@dataclass(frozen=True, slots=True)
class GenerationDefaults:
    """The values used where a request says nothing."""

    width: int
    height: int
    num_frames: int
    fps: int
    num_inference_steps: int
    guidance_scale: float
    negative_prompt: str = ""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The loaded model's rules and defaults.

    `spatial_factor`: width and height are multiples of it. `temporal_factor`: see the module's
    docstring. `chunk_frames`, `overlap_frames`: window of one pipeline call and the frames it
    takes over from the one before, both `temporal_factor * k + 1`.
    """

    model_id: str
    family: str
    state_kind: str
    spatial_factor: int
    temporal_factor: int
    chunk_frames: int
    overlap_frames: int
    defaults: GenerationDefaults
    max_pixels: int = 1920 * 1088
    max_frames: int = 257
    max_steps: int = 200
    max_guidance_scale: float = 30.0
    components: dict[str, str] = field(default_factory=dict)


def plan_chunks(info: ModelInfo, num_frames: int, known_frames: int) -> tuple[ChunkPlan, ...]:
    """Cut a segment into pipeline calls.

    `known_frames`: frames of the continuation state; 0 starts afresh, 1 is an initial image (the
    segment's first frame), more are the end of the video so far, which adds `num_frames - 1`.
    """
    plans: list[ChunkPlan] = []
    left = num_frames
    if known_frames <= 1:
        window = min(num_frames, info.chunk_frames)
        plans.append(ChunkPlan(window=window, given=known_frames, new=window))
        known_frames, left = window, left - window
    else:
        left -= 1
    while left > 0:
        given = _clip_length_within(min(known_frames, info.overlap_frames), info.temporal_factor)
        new = min(info.chunk_frames - given, left)
        plans.append(ChunkPlan(window=given + new, given=given, new=new))
        known_frames, left = known_frames + new, left - new
    return tuple(plans)


def count_steps(info: ModelInfo, request: SegmentRequest, known_frames: int) -> int:
    """Denoising steps of the whole segment; `known_frames` as in `plan_chunks`."""
    chunks = plan_chunks(info, request.num_frames, known_frames)
    return len(chunks) * request.num_inference_steps


def _clip_length_within(frames: int, temporal_factor: int) -> int:
    return (frames - 1) // temporal_factor * temporal_factor + 1


def check_prompt(prompt: str) -> None:
    """Raise `InvalidRequest` for a prompt that says nothing."""
    if not prompt.strip():
        raise InvalidRequest("prompt", "prompt is empty; say what to show")


def check_request(info: ModelInfo, request: SegmentRequest) -> None:
    """Raise `InvalidRequest`, naming the field and the nearest valid values."""
    _check_multiple("width", request.width, info.spatial_factor)
    _check_multiple("height", request.height, info.spatial_factor)
    if request.width * request.height > info.max_pixels:
        raise InvalidRequest(
            "width",
            f"width x height is {request.width * request.height} pixels; "
            f"at most {info.max_pixels} are allowed",
        )
    _check_frames(request.num_frames, info)
    _check_range("fps", request.fps, 1, 120)
    _check_range("num_inference_steps", request.num_inference_steps, 1, info.max_steps)
    _check_range("guidance_scale", request.guidance_scale, 0.0, info.max_guidance_scale)
    _check_range("seed", request.seed, 0, MAX_SEED)


def check_state(
    info: ModelInfo, state: ContinuationState, size: SegmentRequest | GenerationDefaults
) -> None:
    """Raise `InvalidState` unless this model can go on from the state at that size."""
    if state.kind != info.state_kind:
        raise InvalidState(
            f"the state is of kind {state.kind!r}; this model takes {info.state_kind!r}"
        )
    frames = state.frames
    if frames.dtype != "uint8" or frames.ndim != 4 or frames.shape[3] != 3 or not len(frames):
        raise InvalidState("the state's frames must be uint8 of shape (frames, height, width, 3)")
    height, width = frames.shape[1:3]
    if (width, height) != (size.width, size.height):
        raise InvalidState(
            f"the state's frames are {width}x{height}, but {size.width}x{size.height} is asked "
            "for; ask for the state's size"
        )
    if state.segment_index < 0:
        raise InvalidState(f"segment_index must be 0 or more, got {state.segment_index}")


def _check_range(param: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise InvalidRequest(param, f"{param} must be from {low} to {high}, got {value}")


def _check_multiple(param: str, value: int, factor: int) -> None:
    below = max(factor, value // factor * factor)
    if value != below:
        nearest = f"{below}" if value < factor else f"{below} or {below + factor}"
        raise InvalidRequest(
            param, f"{param} must be a multiple of {factor}, got {value}; nearest: {nearest}"
        )


def _check_frames(num_frames: int, info: ModelInfo) -> None:
    factor = info.temporal_factor
    if not factor + 1 <= num_frames <= info.max_frames:
        raise InvalidRequest(
            "num_frames",
            f"num_frames must be from {factor + 1} to {info.max_frames}, got {num_frames}",
        )
    below = _clip_length_within(num_frames, factor)
    if num_frames != below:
        above = below + factor
        nearest = f"{below} or {above}" if above <= info.max_frames else f"{below}"
        raise InvalidRequest(
            "num_frames",
            f"num_frames must be {factor} x k + 1, got {num_frames}; nearest: {nearest}",
        )


def with_defaults(
    defaults: GenerationDefaults, prompt: str, seed: int, **given: object
) -> SegmentRequest:
    """A request from `defaults`, with every value in `given` that is not None put over them."""
    values = dataclasses.asdict(defaults)
    values.update({name: value for name, value in given.items() if value is not None})
    return SegmentRequest(prompt=prompt, seed=seed, **values)
