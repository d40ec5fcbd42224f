from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from matinee.client.stream_client import StreamClosed, StreamUnavailable
from matinee.errors import (
    BadInput,
    GenerationCancelled,
    InvalidRequest,
    InvalidState,
    LeaseLost,
    ModelUnavailable,
)
from matinee.media.decoding.errors import PictureRefused
from matinee.media.video_file import CannotWrite
from matinee.weights.fetch.errors import FetchFailed
from matinee.wire.client_messages import InvalidMessage
from matinee_api.config.errors import ConfigError, Problem
from matinee_api.whole_errors import WholeError

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
OTHERS = [
    GenerationCancelled(3),
    LeaseLost("one", "another"),
    ModelUnavailable("there is no folder a"),
    CannotWrite(Path("a.mp4"), OSError(28, "No space left on device")),
    PictureRefused("too large", index=2),
    StreamClosed(1013, None),
    StreamUnavailable("ws://a", "the server answers 503", 503),
    FetchFailed("NoSpace", "the volume became full"),
    ConfigError([Problem("unknown key", "a.b", "did you mean c?", "run.yaml"), Problem("empty")]),
]
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


@pytest.mark.parametrize("error", OTHERS, ids=lambda error: type(error).__name__)
def test_every_error_keeps_its_sentence_and_facts_through_pickle(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert (type(again), str(again), again.args) == (type(error), str(error), error.args)
    assert vars(again) == vars(error)


def test_no_class_of_errors_takes_itself_out_of_that() -> None:
    """Whatever it is made of. The operator's are in the table when its tests run beside these."""
    kinds = [WholeError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    ours = [kind for kind in kinds if kind.__module__.startswith("matinee")]
    assert {type(error) for error in [*ALL, *OTHERS]} <= set(ours)
    for kind in ours:
        error = kind.__new__(kind)
        error.args, error.fact = ("a", 1), {"b": 2}  # type: ignore[attr-defined]
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
        assert (type(again), again.args, again.fact) == (kind, error.args, {"b": 2})


def test_errors_with_other_facts_are_not_equal() -> None:
    assert len(set(ALL)) == len(ALL)
    assert InvalidRequest("width", "is odd") != BadInput("width", "is odd")
    assert InvalidMessage("", "this is not JSON") != NOISE
