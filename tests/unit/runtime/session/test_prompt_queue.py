from __future__ import annotations

from matinee.session.prompt_queue import PromptQueue
from matinee.wire.client_messages import PausedUpdated
from tests.unit.runtime.session.making import init_of, prompt_of, rules_of


def test_a_prompt_of_its_own_is_marked() -> None:
    queue = PromptQueue(rules_of(), init_of(auto_extension_enabled=True), 8)
    queue.put(prompt_of("one"), 5.0)
    theirs = queue.take(6.0)
    queue.began("one")
    own = queue.take(7.0)
    assert theirs is not None
    assert own is not None
    assert (theirs.own, theirs.received_at) == (False, 5.0)
    assert (own.own, own.received_at, own.prompt.prompt) == (True, 7.0, "one")


def test_after_a_refusal_it_makes_no_prompt_until_the_client_sends_one() -> None:
    queue = PromptQueue(rules_of(), init_of(auto_extension_enabled=True), 8)
    queue.put(prompt_of("one"), 0.0)
    taken = queue.take(0.0)
    assert taken is not None
    queue.began(taken.prompt.prompt)
    own = queue.take(0.0)
    assert own is not None
    queue.refused(own)
    assert queue.take(0.0) is None
    queue.put(prompt_of("two"), 0.0)
    taken = queue.take(0.0)
    assert taken is not None
    queue.began(taken.prompt.prompt)
    again = queue.take(0.0)
    assert again is not None
    assert again.prompt.prompt == "two"


def test_removing_counts_and_keeps_the_order_of_the_others() -> None:
    queue = PromptQueue(rules_of(), init_of(), 8)
    for prompt, name in (("one", "a"), ("two", "b"), ("three", "a"), ("four", None)):
        queue.put(prompt_of(prompt, request_id=name), 0.0)
    assert queue.remove("a") == 2
    assert queue.remove("unknown") == 0
    assert [one.prompt.prompt for one in iter(lambda: queue.take(0.0), None)] == ["two", "four"]


def test_cleared_it_is_empty() -> None:
    queue = PromptQueue(rules_of(), init_of(), 8)
    queue.put(prompt_of(), 0.0)
    queue.clear()
    assert queue.take(0.0) is None


def test_while_paused_nothing_is_taken() -> None:
    queue = PromptQueue(rules_of(), init_of(), 8)
    queue.put(prompt_of("one"), 0.0)
    for paused, expected in ((True, None), (False, "one")):
        queue.switch(PausedUpdated(type="generation_paused_updated", paused=paused))
        taken = queue.take(0.0)
        assert (taken and taken.prompt.prompt) == expected
