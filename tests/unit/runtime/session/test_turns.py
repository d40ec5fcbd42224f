from __future__ import annotations

import dataclasses

from matinee.prompt import PreparedPrompt
from matinee.session.effects import Segment, Shown
from matinee.session.prompt_queue import PromptQueue
from matinee.session.turns import Turn, Turns
from tests.unit.runtime.session.making import init_of, prompt_of, request_of, rules_of

READY = PreparedPrompt(request_of("in detail"), "enhanced")


def turns_of(*prompts: str) -> Turns:
    queue = PromptQueue(rules_of(), init_of(), 8)
    for at, prompt in enumerate(prompts):
        queue.put(prompt_of(prompt, request_id=prompt), float(at))
    return Turns(queue)


def begun(turns: Turns) -> Turn:
    turn = turns.begin(9.0)
    assert turn is not None
    return turn


def test_a_prompts_way_from_the_queue_to_its_segments_end() -> None:
    turns = turns_of("one", "two")
    turn = begun(turns)
    assert turns.begin(9.0) is None, "one at a time"
    segment = turns.prepared(turn.turn_id, READY)
    assert segment == Segment(0, READY.request, "enhanced", "one", 0.0)
    assert turns.begin(9.0) is None
    assert turns.leave() == (segment, turn.waiting)
    assert begun(turns).waiting.prompt.prompt == "two"
    assert turns.next_index == 1


def test_a_dropped_turn_uses_up_no_number_and_its_answer_comes_too_late() -> None:
    turns = turns_of("one", "two")
    first = begun(turns)
    assert turns.dropped(first.turn_id + 1) is None
    assert turns.dropped() == first.waiting
    assert turns.dropped() is None
    second = begun(turns)
    assert turns.prepared(first.turn_id, READY) is None
    assert turns.preparing is second
    segment = turns.prepared(second.turn_id, READY)
    assert segment is not None
    assert segment.index == 0


def test_without_a_segment_nothing_is_left() -> None:
    turns = turns_of("one")
    begun(turns)
    assert turns.leave() is None


def test_what_was_shown_moves_the_next_segments_place() -> None:
    turns = turns_of("one", "two")
    turns.prepared(begun(turns).turn_id, READY)
    turns.show(1, ())
    turns.show(6, (4,))
    assert turns.shown == Shown(0, 7, (4,), fragments=2)
    turns.leave()
    assert turns.shown == Shown(7, first_fragment=2)


def test_a_turn_that_had_begun_is_resumed_as_it_was() -> None:
    for prepared in (False, True):
        turns = turns_of("one")
        turn = begun(turns)
        segment = turns.prepared(turn.turn_id, READY) if prepared else None
        again = turns_of()
        again.restore(turns.record(10.0), 10.0)
        resumed = again.resume()
        if segment is not None:
            assert resumed == segment
        else:
            assert isinstance(resumed, Turn)
            assert dataclasses.replace(resumed, turn_id=turn.turn_id) == turn
