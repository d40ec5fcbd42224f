from __future__ import annotations

import dataclasses

import pytest

from matinee.errors import InvalidRequest
from matinee.generation import check_request, served, with_defaults
from matinee_api.request_limits import RequestLimits, tightest
from tests.unit.runtime.session.making import INFO

DEFAULTS = INFO.defaults
PIXELS = DEFAULTS.width * DEFAULTS.height
FAR = 10**9


@pytest.mark.parametrize(
    ("limits", "asked", "param", "says"),
    [
        ({}, {"width": 64, "height": 64}, None, ""),
        ({}, {"num_inference_steps": 100, "num_frames": 9}, None, ""),
        ({}, {"width": 64, "height": 96}, "width", f"at most {4 * PIXELS} are allowed"),
        ({"max_work": FAR}, {"num_inference_steps": 101}, "num_inference_steps", "from 1 to 100"),
        ({}, {"num_frames": 257, "num_inference_steps": 16}, "num_frames", "at most"),
        ({}, {"num_inference_steps": 100, "num_frames": 17}, "num_inference_steps", "at most"),
        ({"max_pixels": PIXELS - 1}, {}, "width", f"at most {PIXELS - 1} are allowed"),
        ({"max_frames": 9}, {"num_frames": 17}, "num_frames", "from 9 to 9, got 17"),
        ({"max_steps": 3}, {"num_inference_steps": 4}, "num_inference_steps", "from 1 to 3, got 4"),
        ({"max_work": 1}, {}, "width", "at most 1 is allowed"),
        ({"max_pixels": 2**24}, {"width": 4096, "height": 4096}, "width", "pixels; at most"),
    ],
)
def test_a_request_past_a_limit_is_refused_with_field_value_and_limit(
    limits: dict[str, int], asked: dict[str, int], param: str | None, says: str
) -> None:
    info = served(INFO, DEFAULTS, RequestLimits.model_validate(limits))
    request = with_defaults(DEFAULTS, "a ball", seed=1, **asked)
    if param is None:
        check_request(info, request)
    else:
        with pytest.raises(InvalidRequest, match=says) as refused:
            check_request(info, request)
        assert refused.value.param == param


def test_one_who_owns_the_machine_may_ask_for_more() -> None:
    check_request(INFO, with_defaults(DEFAULTS, "", seed=0, width=1024, num_inference_steps=200))


def test_a_servers_own_defaults_are_within_the_limits_that_nobody_set() -> None:
    own = dataclasses.replace(DEFAULTS, width=1024, height=1024, num_inference_steps=150)
    check_request(served(INFO, own, RequestLimits()), with_defaults(own, "", seed=0))


def test_the_smaller_limit_of_two_counts() -> None:
    assert tightest(
        RequestLimits(max_pixels=5, max_frames=17), RequestLimits(max_pixels=9, max_steps=3)
    ) == {"max_pixels": 5, "max_frames": 17, "max_steps": 3}
