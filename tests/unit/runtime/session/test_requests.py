from __future__ import annotations

from typing import Any

import pytest

from matinee.errors import InvalidRequest
from tests.unit.runtime.session.making import INFO, init_of, prompt_of, rules_of


def test_a_prompt_alone_takes_the_sessions_values() -> None:
    rules = rules_of(init_of(width=64, fps=12, num_inference_steps=2, negative_prompt="blur"))
    request = rules.request_for(prompt_of("a ball"))
    assert (request.width, request.height, request.fps) == (64, INFO.defaults.height, 12)
    assert (request.num_inference_steps, request.negative_prompt, request.seed) == (2, "blur", 7)


def test_what_a_prompt_says_comes_before_the_sessions_values() -> None:
    rules = rules_of(init_of(num_inference_steps=2, negative_prompt="blur", num_frames=9))
    request = rules.request_for(
        prompt_of(
            seed=0, num_inference_steps=3, guidance_scale=0, negative_prompt="", num_frames=25
        )
    )
    assert (request.seed, request.num_inference_steps, request.guidance_scale) == (0, 3, 0.0)
    assert (request.negative_prompt, request.num_frames) == ("", 25)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"width": 33}, "width"),
        ({"height": 40}, "height"),
        ({"width": 4096, "height": 4096}, "width"),
        ({"num_frames": 18}, "num_frames"),
        ({"num_frames": 1}, "num_frames"),
        ({"num_inference_steps": 1000}, "num_inference_steps"),
        ({"guidance_scale": 99}, "guidance_scale"),
        ({"negative_prompt": "x" * 8193}, "negative_prompt"),
    ],
)
def test_a_session_that_the_model_cannot_do_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        rules_of(init_of(**fields))
    assert caught.value.param == param


@pytest.mark.parametrize("prompt", ["", " ", "\n\t\u3000"])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidRequest, match="say what to show"):
        rules_of().request_for(prompt_of(prompt))


def test_the_longest_prompt_is_configured() -> None:
    rules = rules_of(prompt_characters=10)
    assert rules.request_for(prompt_of("x" * 10))
    with pytest.raises(InvalidRequest, match="11 characters; at most 10"):
        rules.request_for(prompt_of("x" * 11))


def test_blank_curated_prompts_are_left_out_and_long_ones_refused() -> None:
    rules = rules_of(prompt_characters=10)
    assert rules.curated("seed_prompts", ("a", " ", "", "b")) == ("a", "b")
    with pytest.raises(InvalidRequest) as caught:
        rules.curated("seed_prompts", ("x" * 11,))
    assert caught.value.param == "seed_prompts"
