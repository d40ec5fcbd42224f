"""What a client says once its session is open, and what comes of it at once. Pure.

Frames enter. Prompts go into the queue, answers and orders into the outbox; a client that says so,
or that says nothing readable any more, ends its session.
"""

from __future__ import annotations

from collections.abc import Iterable

from matinee.errors import InvalidRequest
from matinee.session.effects import (
    AnswerSnapshot,
    CancelPrompt,
    CancelSegment,
    CloseCode,
    End,
    RewritePrompt,
)
from matinee.session.outbox import Outbox
from matinee.session.prompt_queue import PromptQueue
from matinee.session.turns import Turns
from matinee.wire import server_messages as say
from matinee.wire.client_messages import (
    ClientMessage,
    HandOver,
    InvalidMessage,
    PausedUpdated,
    RewriteSeedPrompts,
    SeedPromptsUpdated,
    SegmentCancel,
    SegmentPrompt,
    SessionEnd,
    SessionInit,
    SnapshotState,
    ToggleUpdated,
    Unavailable,
    parse_later_message,
)


class Inbox:
    """`bad_messages`: so many in a row that cannot be read end the session; `bad_in_a_row`: so many
    were the last ones, of the `heard` in all. `replied`: numbers of messages, counted as `heard`,
    that are said again though the client has the answers."""

    def __init__(self, queue: PromptQueue, turns: Turns, outbox: Outbox, bad_messages: int) -> None:
        self.heard = self.bad_in_a_row = 0
        self._queue = queue
        self._turns = turns
        self._outbox = outbox
        self._bad_messages = bad_messages
        self._replied: frozenset[int] = frozenset()

    def restore(self, heard: int, bad_in_a_row: int, replied: Iterable[int]) -> None:
        self.heard, self.bad_in_a_row = heard, bad_in_a_row
        self._replied = frozenset(replied)

    def receive(self, frame: str | None, now: float) -> End | None:
        """A text frame, or None for a binary one. The end, if it ends the session."""
        self.heard += 1
        with self._outbox.answering(self.heard, told=self._told):
            try:
                message = _parse(frame)
            except InvalidMessage as error:
                return self._mistake(error)
            self.bad_in_a_row = 0
            return self._handle(message, now)

    @property
    def _told(self) -> bool:
        """The client has the answer to the message that is being heard."""
        return self.heard in self._replied

    def _mistake(self, error: InvalidMessage) -> End | None:
        self.bad_in_a_row = self.bad_in_a_row + 1 if error.noise else 0
        self._outbox.refuse(error.param, str(error))
        if self.bad_in_a_row < self._bad_messages:
            return None
        return End("error", CloseCode.POLICY, "too many messages that cannot be read")

    def _handle(self, message: ClientMessage, now: float) -> End | None:
        match message:
            case SegmentPrompt():
                self._queue_prompt(message, now)
            case SegmentCancel():
                self._cancel(message)
            case SnapshotState() | RewriteSeedPrompts():
                self._answer(message)
            case SeedPromptsUpdated() | ToggleUpdated() | PausedUpdated():
                self._switch(message)
            case SessionEnd():
                return End("stop_requested", CloseCode.NORMAL, "session_end")
            case HandOver():
                self.heard -= 1
                self._turns.stops = self._turns.drains
            case SessionInit() | Unavailable():
                self._refuse(message)
        return None

    def _refuse(self, message: SessionInit | Unavailable) -> None:
        if isinstance(message, Unavailable):
            self._outbox.not_available("type", message.type)
        else:
            text = "the session is already open; session_init_v2 comes once"
            self._outbox.refuse("type", text)

    def _answer(self, message: SnapshotState | RewriteSeedPrompts) -> None:
        if isinstance(message, RewriteSeedPrompts):
            self._rewrite(message)
        elif not self._told:
            self._outbox.add(AnswerSnapshot(self.heard))

    def _rewrite(self, message: RewriteSeedPrompts) -> None:
        if not self._queue.writes:
            self._outbox.not_available("type", message.type)
            return
        try:
            self._queue.check_seed_prompt(message.seed_prompt)
        except InvalidRequest as error:
            self._outbox.refuse(error.param, str(error))
            return
        if not self._told:
            self._outbox.add(RewritePrompt(self.heard, message.seed_prompt, message.count))

    def _queue_prompt(self, message: SegmentPrompt, now: float) -> None:
        if self._told:
            return  # the only answer is that it was refused; here there may be room for it
        try:
            self._queue.put(message, now)
        except InvalidRequest as error:
            self._outbox.refuse(error.param, str(error), message.request_id)

    def _switch(self, message: SeedPromptsUpdated | ToggleUpdated | PausedUpdated) -> None:
        wanted = message.type == "enhancement_updated" and message.enabled
        if wanted and not self._queue.writes:
            self._outbox.not_available("enabled", "prompt enhancement")
        try:
            self._queue.switch(message)
        except InvalidRequest as error:
            self._outbox.refuse(error.param, str(error))

    def _cancel(self, message: SegmentCancel) -> None:
        waiting = self._cancelled_before_they_ran(message)
        for request_id in waiting:
            self._outbox.send(say.SegmentCancelled(-1, 0, request_id))
        if waiting:
            return
        running = self._turns.running
        if running is None or not message.names(running.index, running.request_id):
            text = "no such segment is running or waiting"
            self._outbox.refuse("segment_idx", text, message.request_id)
            return
        self._outbox.add(CancelSegment())

    def _cancelled_before_they_ran(self, message: SegmentCancel) -> list[str | None]:
        """Their request ids. To a client that names none, the one in preparation is running."""
        names: list[str | None] = []
        turn = self._turns.preparing
        if turn and message.names(self._turns.next_index, turn.waiting.prompt.request_id):
            self._turns.dropped()
            self._outbox.add(CancelPrompt())
            names.append(turn.waiting.prompt.request_id)
        if message.request_id is not None:
            names += [message.request_id] * self._queue.remove(message.request_id)
        return names


def _parse(frame: str | None) -> ClientMessage:
    """Raises `InvalidMessage`."""
    if frame is None:
        text = "binary frames are not part of the protocol; send JSON text"
        raise InvalidMessage("", text, noise=True)
    return parse_later_message(frame)
