from __future__ import annotations

import dataclasses

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from matinee.errors import InvalidRequest
from matinee.generation import (
    ChunkPlan,
    check_request,
    count_steps,
    plan_chunks,
    with_defaults,
)
from matinee_api.limits import MAX_SEED
from tests.unit.runtime import models

INFO = models.info(max_pixels=128 * 128, max_frames=60)
DEFAULTS = INFO.defaults


def refusal(**values: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        check_request(INFO, with_defaults(DEFAULTS, "a", 1, **values))
    return caught.value


@pytest.mark.parametrize(
    ("frames", "known", "expected"),
    [
        (9, 0, [ChunkPlan(9, 0, 9)]),
        (17, 0, [ChunkPlan(17, 0, 17)]),
        (17, 1, [ChunkPlan(17, 1, 17)]),
        (25, 0, [ChunkPlan(17, 0, 17), ChunkPlan(17, 9, 8)]),
        (33, 0, [ChunkPlan(17, 0, 17), ChunkPlan(17, 9, 8), ChunkPlan(17, 9, 8)]),
        (17, 9, [ChunkPlan(17, 9, 8), ChunkPlan(17, 9, 8)]),
        (9, 9, [ChunkPlan(17, 9, 8)]),
        (17, 17, [ChunkPlan(17, 9, 8), ChunkPlan(17, 9, 8)]),
        (17, 2, [ChunkPlan(17, 1, 16)]),
    ],
)
def test_a_segment_is_cut_into_chunks(frames: int, known: int, expected: list[ChunkPlan]) -> None:
    assert list(plan_chunks(INFO, frames, known)) == expected


@settings(max_examples=50)
@given(st.integers(1, 30), st.integers(0, 40), st.integers(0, 3), st.integers(1, 4))
def test_chunks_show_each_frame_once_and_fit_the_model(
    blocks: int, known: int, overlap: int, more: int
) -> None:
    factor = INFO.temporal_factor
    info = dataclasses.replace(
        INFO, overlap_frames=factor * overlap + 1, chunk_frames=factor * (overlap + more) + 1
    )
    frames = factor * blocks + 1
    plans = plan_chunks(info, frames, known)
    assert sum(plan.new for plan in plans) == frames - (known > 1)
    shown = known
    for plan in plans:
        assert plan.window <= info.chunk_frames
        assert plan.window % factor == 1
        assert plan.given <= max(shown, 1)
        shown += plan.new
    request = with_defaults(DEFAULTS, "a", 1, num_frames=frames)
    assert count_steps(info, request, known) == 4 * len(plans)


def test_the_defaults_are_a_good_request() -> None:
    check_request(INFO, with_defaults(DEFAULTS, "a", 0))
    check_request(INFO, with_defaults(DEFAULTS, "a", MAX_SEED))


@pytest.mark.parametrize(
    ("param", "value", "says"),
    [
        ("width", 33, "multiple of 32, got 33; nearest: 32 or 64"),
        ("width", 31, "multiple of 32, got 31; nearest: 32"),
        ("width", 0, "nearest: 32"),
        ("width", -64, "nearest: 32"),
        ("height", 95, "nearest: 64 or 96"),
        ("width", 512, "512 x 64 (width x height) is 32768 pixels; at most 16384"),
        ("num_frames", 18, "8 x k + 1, got 18; nearest: 17 or 25"),
        ("num_frames", 58, "8 x k + 1, got 58; nearest: 57"),
        ("num_frames", 61, "from 9 to 60"),
        ("num_frames", 1, "from 9 to 60"),
        ("fps", 0, "from 1 to 120"),
        ("fps", 121, "from 1 to 120"),
        ("num_inference_steps", 0, "from 1 to 200"),
        ("num_inference_steps", 201, "from 1 to 200"),
        ("guidance_scale", -0.1, "from 0.0 to 30.0"),
        ("guidance_scale", 30.1, "from 0.0 to 30.0"),
        ("guidance_scale", float("nan"), "got nan"),
        ("guidance_scale", float("inf"), "got inf"),
    ],
)
def test_a_value_that_the_model_cannot_take_is_named(param: str, value: float, says: str) -> None:
    error = refusal(**{param: value})
    assert error.param == param
    assert says in str(error)


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 10**400])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_request(INFO, with_defaults(DEFAULTS, "a", seed))
    assert caught.value.param == "seed"


def test_only_what_is_given_replaces_a_default() -> None:
    request = with_defaults(DEFAULTS, "a", 5, fps=12, guidance_scale=0.0, width=None)
    assert (request.fps, request.guidance_scale, request.width) == (12, 0.0, 64)
    assert (request.prompt, request.seed, request.negative_prompt) == ("a", 5, "")
