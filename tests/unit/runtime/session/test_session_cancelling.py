from __future__ import annotations

from typing import Any

import pytest

from matinee.session.effects import CancelSegment, Send
from matinee.wire import server_messages as say
from tests.unit.runtime.session.making import Viewer, errors, prompts_of, sent

# Cancelling


@pytest.mark.parametrize(
    "names", [{}, {"segment_idx": 0}, {"request_id": "r1"}, {"segment_idx": 0, "request_id": "r1"}]
)
def test_the_running_segment_is_cancelled(names: dict[str, Any]) -> None:
    viewer = Viewer()
    viewer.prompt("one", request_id="r1")
    viewer.prompt("two", request_id="r2")

    assert viewer.say("segment_cancel", **names) == [CancelSegment()]
    effects = viewer.cancelled(steps=3)

    assert sent(effects) == [say.SegmentCancelled(0, 3, "r1")]
    assert prompts_of(effects) == ["two"]


@pytest.mark.parametrize(
    "names",
    [{"segment_idx": 1}, {"segment_idx": -1}, {"request_id": "r2"}, {"segment_idx": 10**30}],
)
def test_what_neither_runs_nor_waits_cannot_be_cancelled(names: dict[str, Any]) -> None:
    viewer = Viewer()
    viewer.prompt("one", request_id="r1")
    (error,) = errors(viewer.say("segment_cancel", **names))
    assert (error.code, error.param) == ("invalid_message", "segment_idx")
    assert error.request_id == names.get("request_id")


def test_nothing_runs_so_nothing_can_be_cancelled() -> None:
    assert errors(Viewer().say("segment_cancel"))


def test_a_waiting_request_is_cancelled_without_a_segment_number() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    viewer.prompt("two", request_id="r2")
    viewer.prompt("three", request_id="r3")

    effects = viewer.say("segment_cancel", request_id="r2")

    assert effects == [Send(say.SegmentCancelled(-1, 0, "r2", answers=4))]
    assert prompts_of(viewer.done()) == ["three"]


def test_every_waiting_request_of_that_name_is_told() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    for _ in range(2):
        viewer.prompt("again", request_id="r")
    assert len(viewer.say("segment_cancel", request_id="r")) == 2


# Steps


def test_at_most_twenty_steps_a_second_are_told_and_the_last_one_always() -> None:
    viewer = Viewer()
    viewer.prompt()
    told = []
    for number in (1, 2, 3, 4):
        told += sent(viewer.step(number))
        viewer.now += 0.03
    assert [message.step for message in told if isinstance(message, say.StepComplete)] == [1, 3, 4]


def test_a_step_tells_the_time_left() -> None:
    viewer = Viewer()
    viewer.prompt()
    assert sent(viewer.step(1)) == [say.StepComplete(0, 1, 4, "denoise", 100.0, 300.0)]


def test_the_next_segments_first_step_is_told_at_once() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    viewer.prompt("two")
    viewer.step(4)
    viewer.done()
    (told,) = sent(viewer.step(1))
    assert isinstance(told, say.StepComplete)
    assert told.segment_idx == 1
