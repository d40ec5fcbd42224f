from __future__ import annotations

from matinee.session.effects import CancelSegment, CloseCode, End, Send
from matinee.session.outbox import Outbox
from matinee.wire import server_messages as say

END = End("drained", CloseCode.RESTART, "drained")


def test_effects_are_taken_once_and_in_order() -> None:
    outbox = Outbox()
    outbox.send(say.Draining(1.0))
    outbox.add(CancelSegment())
    assert outbox.take() == [Send(say.Draining(1.0)), CancelSegment()]
    assert outbox.take() == []


def test_no_message_and_no_second_end_follow_the_end() -> None:
    outbox = Outbox()
    outbox.end(END)
    outbox.send(say.Draining(1.0))
    outbox.refuse("prompt", "is empty")
    outbox.end(End("error", CloseCode.INTERNAL, "late"))
    assert outbox.take() == [END]
    assert outbox.ended is END
