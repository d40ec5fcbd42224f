from __future__ import annotations

import pickle

import pytest

from matinee.errors import BadInput, InvalidRequest, InvalidState
from matinee.wire.client_messages import InvalidMessage

NAMES = {
    "num_frames": "--frames",
    "initial_image": "--image",
    "width": "--width",
    "continuation_state": "--state",
}
FRAMES = InvalidRequest("num_frames", "must be 4 x k + 1")
NUMBER = InvalidRequest("num_frames", "expected a number", joint=": ")
PART = InvalidRequest("initial_image.data", "is not base64")
IMAGE = InvalidRequest("initial_image.data", "the image is too large", joint=None)
PIXELS = InvalidRequest("width", "width x height is 9 pixels", joint=None)
STATE = InvalidState("the state is of another kind")
FULL = InvalidRequest("", "8 requests are waiting already")
NOISE = InvalidMessage("", "this is not JSON", noise=True)
ALL = [FRAMES, NUMBER, PART, IMAGE, PIXELS, STATE, FULL, NOISE]


@pytest.mark.parametrize(
    ("error", "sentence", "renamed"),
    [
        (FRAMES, "num_frames must be 4 x k + 1", "--frames must be 4 x k + 1"),
        (NUMBER, "num_frames: expected a number", "--frames: expected a number"),
        (PART, "initial_image.data is not base64", "--image: initial_image.data is not base64"),
        (IMAGE, "the image is too large", "--image: the image is too large"),
        (PIXELS, "width x height is 9 pixels", "--width: width x height is 9 pixels"),
        (STATE, "the state is of another kind", "--state: the state is of another kind"),
        (FULL, "8 requests are waiting already", "8 requests are waiting already"),
    ],
)
def test_an_error_says_what_its_reader_typed(error: BadInput, sentence: str, renamed: str) -> None:
    assert str(error) == sentence
    assert (str(error.renamed(NAMES)), type(error.renamed(NAMES))) == (renamed, type(error))


def test_an_error_about_something_else_is_left_alone() -> None:
    error = BadInput("type", "unknown message type", joint=None)
    assert error.renamed(NAMES) is error


@pytest.mark.parametrize("error", ALL)
def test_an_error_is_the_same_in_another_process(error: BadInput) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert copy == error
    assert hash(copy) == hash(error)
    assert (str(copy), copy.param, vars(copy)) == (str(error), error.param, vars(error))


def test_errors_with_other_facts_are_not_equal() -> None:
    assert len(set(ALL)) == len(ALL)
    assert InvalidRequest("width", "is odd") != BadInput("width", "is odd")
    assert InvalidMessage("", "this is not JSON") != NOISE
