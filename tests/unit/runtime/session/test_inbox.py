from __future__ import annotations

import json

import pytest

from matinee.session.effects import AnswerSnapshot, CloseCode
from matinee.session.inbox import Inbox
from matinee.session.outbox import Outbox
from matinee.session.prompt_queue import PromptQueue
from matinee.session.turns import Turns
from tests.unit.runtime.session.making import errors, init_of, rules_of

SNAPSHOT = '{"type":"snapshot_state"}'
ODD = '{"type":"odd"}'


class Desk:
    def __init__(self, bad_messages: int = 3) -> None:
        self.outbox = Outbox()
        self.queue = PromptQueue(rules_of(), init_of(), 8)
        self.turns = Turns(self.queue)
        self.inbox = Inbox(self.queue, self.turns, self.outbox, bad_messages)


@pytest.mark.parametrize(
    ("frames", "ends"),
    [
        (["?", None, "?"], True),
        ([None, None], False),
        (["?", "?", SNAPSHOT, "?", "?"], False),
        (["?", "?", ODD, "?", "?"], False),
        ([ODD] * 10, False),
    ],
)
def test_so_many_frames_in_a_row_that_cannot_be_read_end_the_session(
    frames: list[str | None], ends: bool
) -> None:
    desk = Desk()
    answers = [desk.inbox.receive(frame, 0.0) for frame in frames]
    assert [end is not None for end in answers] == [*[False] * (len(frames) - 1), ends]
    if ends:
        assert answers[-1] is not None
        assert answers[-1].code is CloseCode.POLICY
    told = errors(desk.outbox.take())
    assert len(told) == sum(frame != SNAPSHOT for frame in frames)


def test_a_prompt_waits_with_the_time_at_which_it_came() -> None:
    desk = Desk()
    assert desk.inbox.receive('{"type":"segment_prompt_source","prompt":"a ball"}', 5.0) is None
    waiting = desk.queue.take(9.0)
    assert waiting is not None
    assert (waiting.prompt.prompt, waiting.received_at) == ("a ball", 5.0)


def test_a_client_that_says_so_ends_its_session() -> None:
    end = Desk().inbox.receive('{"type":"session_end"}', 0.0)
    assert end is not None
    assert (end.reason, end.code) == ("stop_requested", CloseCode.NORMAL)


def test_an_answer_names_the_message_that_it_is_to() -> None:
    desk = Desk()
    desk.inbox.restore(heard=5, bad_in_a_row=0, replied=())
    desk.inbox.receive(ODD, 0.0)
    desk.inbox.receive(SNAPSHOT, 0.0)
    desk.inbox.receive('{"type":"segment_cancel"}', 0.0)
    error, snapshot, cancel = desk.outbox.take()
    assert snapshot == AnswerSnapshot(7)
    assert [one.answers for one in errors([error, cancel])] == [6, 8]


def test_what_is_said_again_is_done_again_but_not_answered_again() -> None:
    desk = Desk()
    desk.inbox.restore(heard=0, bad_in_a_row=0, replied=(1, 2, 4, 5))
    for frame in (SNAPSHOT, prompt("refused"), prompt("taken"), ODD, cancel("taken"), SNAPSHOT):
        desk.inbox.receive(frame, 0.0)
    assert desk.outbox.take() == [AnswerSnapshot(6)]
    assert desk.queue.take(0.0) is None


def prompt(name: str) -> str:
    return json.dumps({"type": "segment_prompt_source", "prompt": "a ball", "request_id": name})


def cancel(name: str) -> str:
    return json.dumps({"type": "segment_cancel", "request_id": name})


def test_a_router_asks_for_the_session_without_being_counted() -> None:
    desk = Desk()
    desk.turns.drains = True
    desk.inbox.receive(prompt("waits"), 0.0)
    desk.inbox.receive('{"type":"session_hand_over"}', 0.0)
    assert desk.inbox.heard == 1
    assert desk.turns.begin(0.0) is None
    desk.turns.stops = False
    assert desk.turns.begin(0.0) is not None
