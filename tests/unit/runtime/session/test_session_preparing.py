from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from matinee.prompt import PreparedPrompt, PromptRefused
from matinee.session.effects import CancelPrompt, CloseCode, Effect, End, PreparePrompt, Send
from matinee.wire import server_messages as say
from tests.unit.runtime.session.making import Viewer, end_of, errors, prompts_of, sent, started

BLOCKED = PromptRefused("prompt_blocked", "this prompt is not allowed", param="prompt")


def preparing(**settings: Any) -> Viewer:
    return Viewer(plain=False, **settings)


def order_of(effects: list[Effect]) -> PreparePrompt:
    (order,) = (effect for effect in effects if isinstance(effect, PreparePrompt))
    return order


def ready(viewer: Viewer, order: PreparePrompt, words: str | None = None) -> list[Effect]:
    request = dataclasses.replace(order.asked.request, prompt=words or order.asked.request.prompt)
    viewer.session.prompt_ready(order.turn_id, PreparedPrompt(request, "enhanced"), viewer.now)
    return viewer.effects


def refused(viewer: Viewer, order: PreparePrompt) -> list[Effect]:
    viewer.session.prompt_refused(order.turn_id, BLOCKED, viewer.now)
    return viewer.effects


def test_a_segment_is_made_of_what_the_preparer_made_of_the_prompt() -> None:
    viewer = preparing()
    order = order_of(viewer.prompt("a ball", request_id="r1"))
    assert (order.asked.request.prompt, order.asked.source) == ("a ball", "user")
    viewer.now += 5

    (start,) = started(ready(viewer, order, "a red ball on a beach"))

    assert start.segment.request.prompt == "a red ball on a beach"
    assert (start.segment.source, start.segment.request_id) == ("enhanced", "r1")
    assert start.segment.requested_at == viewer.now - 5


def test_one_prompt_is_prepared_at_a_time_and_their_order_stays() -> None:
    viewer = preparing(generation_segment_cap=0)
    first = order_of(viewer.prompt("one"))
    assert viewer.prompt("two") == []
    assert prompts_of(ready(viewer, first)) == ["one"]
    second = order_of(viewer.done())
    assert second.asked.request.prompt == "two"
    assert second.turn_id != first.turn_id


def test_a_refused_prompt_is_told_and_the_next_one_has_its_turn() -> None:
    viewer = preparing()
    first = order_of(viewer.prompt("one", request_id="r1"))
    viewer.prompt("two")

    effects = refused(viewer, first)

    (error,) = errors(effects)
    assert (error.code, error.request_id, error.param) == ("prompt_blocked", "r1", "prompt")
    (start,) = started(ready(viewer, order_of(effects)))
    assert (start.segment.index, start.segment.request.prompt) == (0, "two")


def test_a_refused_prompt_of_its_own_is_not_made_again_and_again() -> None:
    viewer = preparing(init={"curated_prompts": ["a"], "loop_generation_enabled": True})
    effects = refused(viewer, order_of(viewer.effects))
    assert [type(effect) for effect in effects] == [Send]
    assert order_of(viewer.say("seed_prompts_updated", seed_prompts=["b"]))


@pytest.mark.parametrize(
    "names", [{}, {"request_id": "r1"}, {"segment_idx": 0}, {"segment_idx": 0, "request_id": "r1"}]
)
def test_a_prompt_in_preparation_is_cancelled_without_a_segment(names: dict[str, Any]) -> None:
    viewer = preparing()
    order = order_of(viewer.prompt("one", request_id="r1"))
    viewer.prompt("two")

    cancel, told, following = viewer.say("segment_cancel", **names)

    assert cancel == CancelPrompt()
    assert told == Send(say.SegmentCancelled(-1, 0, "r1", answers=3))
    assert ready(viewer, order) == [], "it comes too late"
    assert refused(viewer, order) == []
    assert prompts_of(ready(viewer, order_of([following]))) == ["two"]


def test_a_cancel_that_names_another_leaves_the_one_in_preparation() -> None:
    viewer = preparing()
    order = order_of(viewer.prompt("one", request_id="r1"))
    viewer.prompt("two", request_id="r2")
    assert viewer.say("segment_cancel", request_id="r2") == [
        Send(say.SegmentCancelled(-1, 0, "r2", answers=3))
    ]
    assert errors(viewer.say("segment_cancel", segment_idx=7))
    assert prompts_of(ready(viewer, order)) == ["one"]


@pytest.mark.parametrize("how", ["session_end", "shutdown"])
def test_an_end_during_preparation_drops_the_prompt(how: str) -> None:
    viewer = preparing()
    order = order_of(viewer.prompt("one"))
    if how == "session_end":
        effects = viewer.say("session_end")
    else:
        viewer.session.shut_down("drained", CloseCode.RESTART, "drained", tells_state=True)
        effects = viewer.effects
    assert effects[0] == CancelPrompt()
    assert isinstance(end_of(effects), End)
    assert ready(viewer, order) == refused(viewer, order) == []


def test_draining_is_told_during_preparation_and_the_prompt_goes_on() -> None:
    viewer = preparing()
    order = order_of(viewer.prompt("one"))
    viewer.session.drain(30.0)
    assert sent(viewer.effects) == [say.Draining(30.0)]
    assert prompts_of(ready(viewer, order)) == ["one"]


def test_a_session_whose_prompt_is_in_preparation_is_not_idle() -> None:
    viewer = preparing(session_timeout_seconds=10.0)
    order = order_of(viewer.prompt("one"))
    assert viewer.wait(1000.0) == []
    refused(viewer, order)
    assert viewer.session.deadline == viewer.now + 10.0


def test_a_pause_lets_the_prompt_in_preparation_have_its_segment() -> None:
    viewer = preparing()
    order = order_of(viewer.prompt("one"))
    viewer.say("generation_paused_updated", paused=True)
    assert prompts_of(ready(viewer, order)) == ["one"]
