"""A segment cut into chunks: one call of the pipeline each.

A clip of a latent video model has `temporal_factor * k + 1` frames, because the first latent
frame stands for one picture. `num_frames` always means that clip length. A segment that goes on
from an earlier one shares its first frame with the last frame before it, so it adds
`num_frames - 1` new frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from matinee.generation.model_info import ModelInfo
from matinee.generation.request import SegmentRequest


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """One call of the pipeline: a clip of `window` frames, of which the first `given` are known
    beforehand and the last `new` are shown. An initial image is known and shown."""

    window: int
    given: int
    new: int


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
        given = clip_length_within(min(known_frames, info.overlap_frames), info.temporal_factor)
        new = min(info.chunk_frames - given, left)
        plans.append(ChunkPlan(window=given + new, given=given, new=new))
        known_frames, left = known_frames + new, left - new
    return tuple(plans)


def count_steps(info: ModelInfo, request: SegmentRequest, known_frames: int) -> int:
    """Denoising steps of the whole segment; `known_frames` as in `plan_chunks`."""
    chunks = plan_chunks(info, request.num_frames, known_frames)
    return len(chunks) * request.num_inference_steps


def clip_length_within(frames: int, temporal_factor: int) -> int:
    return (frames - 1) // temporal_factor * temporal_factor + 1
