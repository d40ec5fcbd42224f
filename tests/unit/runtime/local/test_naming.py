from __future__ import annotations

import pytest

from matinee.errors import BadInput, InvalidRequest
from matinee.local.naming import named

NAMES = {"num_frames": "--frames", "initial_image": "--image", "width": "--width"}


@pytest.mark.parametrize(
    ("param", "sentence", "expected"),
    [
        ("num_frames", "num_frames must be 4 x k + 1", "--frames must be 4 x k + 1"),
        ("num_frames", "num_frames: expected a number", "--frames: expected a number"),
        ("initial_image", "initial_image is not base64", "--image is not base64"),
        ("initial_image.data", "initial_image.data: none", "--image: initial_image.data: none"),
        ("initial_image.data", "the image is too large", "--image: the image is too large"),
        ("width", "width x height is 9 pixels", "--width: width x height is 9 pixels"),
    ],
)
def test_an_error_says_what_was_typed(param: str, sentence: str, expected: str) -> None:
    error = named(InvalidRequest(param, sentence), NAMES)
    assert str(error) == expected
    assert error.param == expected.split()[0].strip(":")


def test_an_error_about_something_else_is_left_alone() -> None:
    error = BadInput("type", "unknown message type")
    assert named(error, NAMES) is error
