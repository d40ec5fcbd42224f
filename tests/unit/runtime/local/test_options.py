from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from matinee.errors import BadInput, InvalidRequest
from matinee.local.options import (
    GenerationOptions,
    request_from,
    starting_state,
    with_request,
)
from matinee.state.last_frames import LastFrames
from matinee_api.config.runtime_config import RequestConfig, SamplingConfig
from matinee_api.limits import MAX_SEED
from tests.unit.runtime import models

INFO = models.info(temporal_factor=4)
STATE = LastFrames(np.zeros((9, 64, 64, 3), np.uint8)).to_state("ltx.v1")


def test_a_call_wins_over_the_configuration_and_that_over_the_model() -> None:
    configured = RequestConfig(
        prompt="configured", sampling=SamplingConfig(seed=1, num_frames=9, fps=5)
    )
    request = request_from(None, {"fps": 6, "width": None}, configured, INFO)
    assert (request.prompt, request.seed) == ("configured", 1)
    assert (request.fps, request.num_frames, request.width) == (6, 9, 64)
    assert request_from("called", {}, configured, INFO).prompt == "called"


def test_a_seed_is_drawn_where_none_is_given() -> None:
    seeds = {request_from("a", {}, RequestConfig(), INFO).seed for _ in range(3)}
    assert len(seeds) == 3
    assert all(0 <= seed <= MAX_SEED for seed in seeds)
    assert request_from("a", {"seed": 0}, RequestConfig(), INFO).seed == 0


def test_without_state_and_image_a_video_starts_from_nothing() -> None:
    request = request_from("a", {}, RequestConfig(), INFO)
    assert starting_state(request, {}, RequestConfig(), INFO) is None


def test_what_the_model_cannot_begin_with_is_refused() -> None:
    request = request_from("a", {}, RequestConfig(), INFO)
    image_only = models.info(capabilities=("image", "continuation"))
    with pytest.raises(InvalidRequest, match="image is needed: test makes a video whose first"):
        starting_state(request, {}, RequestConfig(), image_only)
    text_only = models.info(capabilities=("text", "continuation"))
    with pytest.raises(InvalidRequest, match="image cannot be taken: test makes a video from"):
        starting_state(request, {"image": "x.png"}, RequestConfig(), text_only)


def test_an_image_is_made_to_fill_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "picture.JPG"
    Image.new("RGB", (10, 300), "red").save(path)
    request = request_from("a", {}, RequestConfig(), INFO)
    state = starting_state(request, {}, RequestConfig(image_path=str(path)), INFO)
    assert state is not None
    assert state.tensors["frames"].shape == (1, 64, 64, 3)


def test_a_state_wins_over_the_configured_image() -> None:
    configured = RequestConfig(image_path="/no/such.png")
    request = request_from("a", {}, configured, INFO)
    options = GenerationOptions(continuation_state=STATE)
    assert starting_state(request, options, configured, INFO) is STATE


def test_a_state_and_an_image_together_are_refused() -> None:
    request = request_from("a", {}, RequestConfig(), INFO)
    options = GenerationOptions(continuation_state=STATE, image="picture.png")
    with pytest.raises(InvalidRequest, match="not both"):
        starting_state(request, options, RequestConfig(), INFO)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sed": 3}, "there is no option sed; did you mean seed?"),
        ({"seed": 1.5}, "seed: expected a whole number; got 1.5"),
        ({"seed": "a"}, 'seed: expected a whole number; got "a"'),
        ({"seed": True}, "seed: expected a whole number; got true"),
        ({"seed": -1}, "seed: expected at least 0; got -1"),
        ({"seed": 2**63}, "seed: expected at most 9223372036854775807; got 9223372036854775808"),
        ({"width": "64"}, 'width: expected a whole number; got "64"'),
        ({"fps": 8.5}, "fps: expected a whole number; got 8.5"),
        ({"num_inference_steps": 0}, "num_inference_steps: expected at least 1; got 0"),
        ({"guidance_scale": float("nan")}, "guidance_scale: expected a finite number; got NaN"),
        ({"negative_prompt": "x" * 8193}, "negative_prompt: expected at most 8192 characters; got"),
        ({"prompt": ""}, "prompt: must not be empty"),
        ({"prompt": " \n"}, "prompt is empty; say what to show"),
        ({"prompt": "x" * 100_000}, "prompt: expected at most 8192 characters; got"),
        ({"prompt": 5}, "prompt: expected text; got 5; put it in quotes"),
        ({"prompt": "\udcff"}, "prompt: expected text in UTF-8"),
        (
            {"image": 5},
            "image must be a path, bytes, a picture of Pillow or an array",
        ),
        ({"continuation_state": 3}, "continuation_state must be one that a video left, such as"),
    ],
)
def test_what_a_call_gets_wrong_is_told_with_the_option(options: dict[str, Any], says: str) -> None:
    prompt = options.pop("prompt", "a")
    with pytest.raises(BadInput) as caught:
        starting_state(
            request_from(prompt, cast(GenerationOptions, options), RequestConfig(), INFO),
            cast(GenerationOptions, options),
            RequestConfig(),
            INFO,
        )
    assert str(caught.value).startswith(says)
    assert caught.value.param in {"prompt", *options}


def test_numbers_of_numpy_are_numbers() -> None:
    options = GenerationOptions(seed=np.array(7), guidance_scale=np.float32(2))  # type: ignore[typeddict-item]
    request = request_from("a", options, RequestConfig(), INFO)
    assert (request.seed, request.guidance_scale) == (7, 2.0)


def test_a_request_of_a_program_may_hold_its_own_numbers_and_paths() -> None:
    sampling = {"seed": np.int64(7), "guidance_scale": np.float32(2)}
    asked = {"prompt": "a", "sampling": sampling, "image_path": Path("a.png")}
    request = with_request(RequestConfig(), asked)
    assert (request.sampling.seed, request.image_path) == (7, "a.png")


def test_a_size_is_checked_before_a_picture_of_it_is_made() -> None:
    request = dataclasses.replace(request_from("a", {}, RequestConfig(), INFO), width=10**6)
    with pytest.raises(InvalidRequest, match="width"):
        starting_state(request, {"image": "/no/such.png"}, RequestConfig(), INFO)
