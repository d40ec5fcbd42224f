"""What takes time is prepared while the segment before it is made."""

from __future__ import annotations

from typing import Any

import pytest

from matinee.prompt import AskedPrompt
from matinee.session.effects import Effect, PrepareAhead, PreparePrompt, RewritePrompt
from matinee_api.config.prompt_config import PromptConfig
from tests.unit.runtime.session.making import Viewer, errors, request_of, started

ENHANCED = {"enhancement_enabled": True}
EXTENDED = {"auto_extension_enabled": True}


def writing(**init: Any) -> Viewer:
    prompt = PromptConfig(enabled=True)
    return Viewer(plain=False, init=init, prompt=prompt, generation_segment_cap=0)


def ahead(effects: list[Effect]) -> list[AskedPrompt | None]:
    return [effect.asked for effect in effects if isinstance(effect, PrepareAhead)]


def order_of(effects: list[Effect]) -> PreparePrompt:
    (order,) = (effect for effect in effects if isinstance(effect, PreparePrompt))
    return order


def ready(viewer: Viewer, order: PreparePrompt, trouble: str | None = None) -> list[Effect]:
    viewer.session.prompt_ready(order.turn_id, order.asked.as_it_is(trouble), viewer.now)
    return viewer.effects


def running(viewer: Viewer, prompt: str = "one") -> list[Effect]:
    return ready(viewer, order_of(viewer.prompt(prompt)))


def test_the_next_prompt_is_enhanced_while_a_segment_runs_and_asked_for_once() -> None:
    viewer = writing(**ENHANCED)
    assert ahead(running(viewer)) == []
    asked = AskedPrompt(request_of("two"), "user", enhance=True)
    assert ahead(viewer.prompt("two")) == [asked]
    assert viewer.prompt("three") == []
    effects = viewer.done()
    assert (order_of(effects).asked, ahead(effects)) == (asked, [])
    assert ahead(ready(viewer, order_of(effects))) == [
        AskedPrompt(request_of("three"), "user", enhance=True)
    ]


def test_what_goes_on_by_itself_is_written_from_the_words_that_were_used() -> None:
    viewer = writing(**EXTENDED)
    (asked,) = ahead(running(viewer))
    assert asked is not None
    assert (asked.source, asked.past, asked.enhance) == ("auto_extension", ("one",), False)
    assert order_of(viewer.done()).asked == asked


def test_a_prompt_of_the_client_comes_before_what_is_written() -> None:
    viewer = writing(**EXTENDED)
    running(viewer)
    assert ahead(viewer.prompt("two")) == [None], "nothing of it takes time"
    assert order_of(viewer.done()).asked == AskedPrompt(request_of("two"), "user")


@pytest.mark.parametrize("kind", ["enhancement_updated", "generation_paused_updated"])
def test_a_switch_holds_from_the_next_segment_on(kind: str) -> None:
    viewer = writing(**ENHANCED)
    running(viewer)
    viewer.prompt("two")
    off = {"enabled": False} if kind == "enhancement_updated" else {"paused": True}
    assert ahead(viewer.say(kind, **off)) == [None]
    on = {"enabled": True} if kind == "enhancement_updated" else {"paused": False}
    assert ahead(viewer.say(kind, **on)) == [AskedPrompt(request_of("two"), "user", enhance=True)]


@pytest.mark.parametrize(("source", "enhances"), [("user", True), ("enhanced", False)])
def test_what_the_client_has_enhanced_itself_is_not_enhanced_again(
    source: str, enhances: bool
) -> None:
    viewer = writing(**ENHANCED)
    assert order_of(viewer.prompt("one", source=source)).asked.enhance is enhances


def test_curated_prompts_are_enhanced_too() -> None:
    viewer = writing(**ENHANCED, loop_generation_enabled=True, curated_prompts=["a", "b"])
    order = order_of(viewer.effects)
    assert (order.asked.request.prompt, order.asked.enhance) == ("a", True)
    (following,) = ahead(ready(viewer, order))
    assert following is not None
    assert following.request.prompt == "b"
    assert order_of(viewer.done()).asked == following


def test_trouble_goes_along_with_the_segment() -> None:
    viewer = writing(**ENHANCED)
    order = order_of(viewer.prompt("one"))
    (start,) = started(ready(viewer, order, "not in time"))
    assert start.segment.trouble == "not in time"


def test_a_session_that_is_resumed_still_wants_its_prompts_enhanced() -> None:
    viewer = writing()
    viewer.say("enhancement_updated", enabled=True)
    order = order_of(viewer.prompt("one"))
    viewer.rebuild(5.0)
    viewer.session.slot_bound(viewer.now)
    assert order_of(viewer.effects).asked == order.asked


def test_where_nobody_writes_nothing_is_prepared_ahead() -> None:
    viewer = Viewer(plain=False, init=EXTENDED, generation_segment_cap=0)
    assert ahead(running(viewer)) == []
    assert order_of(viewer.done()).asked == AskedPrompt(request_of("one"), "auto_extension")


def test_other_prompts_are_asked_for_by_number() -> None:
    viewer = writing()
    assert viewer.say("rewrite_seed_prompts", seed_prompt="a ball") == [
        RewritePrompt(1, "a ball", 3)
    ]
    assert viewer.say("rewrite_seed_prompts", seed_prompt="a cube", count=1) == [
        RewritePrompt(2, "a cube", 1)
    ]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"seed_prompt": " "}, "seed_prompt"),
        ({"seed_prompt": "x" * 8193}, "seed_prompt"),
        ({"seed_prompt": "a", "count": 11}, "count"),
        ({}, "seed_prompt"),
    ],
)
def test_a_mistake_in_what_to_rewrite_is_named(fields: dict[str, Any], param: str) -> None:
    (error,) = errors(writing().say("rewrite_seed_prompts", **fields))
    assert (error.code, error.param, error.answers) == ("invalid_message", param, 1)
