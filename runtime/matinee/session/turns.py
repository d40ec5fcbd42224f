"""Whose turn it is in a session, from the queue to the segment's end, and what was shown. Pure.

    IDLE --begin--> PREPARING --prepared--> RUNNING --leave--> IDLE
                        |
                        +------dropped------> IDLE

At most one prompt is prepared or runs. A segment has its number once it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matinee.prompt import AskedPrompt, PreparedPrompt
from matinee.session.effects import PrepareAhead, Segment, Shown
from matinee.session.prompt_queue import PromptQueue, WaitingPrompt
from matinee.session.record import TurnsRecord


@dataclass(frozen=True, slots=True)
class Turn:
    """`waiting`: the prompt whose turn it is, and `asked`: what is to be prepared for it.
    `turn_id`: no other turn of the session has it."""

    turn_id: int
    waiting: WaitingPrompt
    asked: AskedPrompt


class Turns:
    """`shown`: how much of the running segment the viewer was given, and where it begins.
    `told`, `held`: see `TurnsRecord`."""

    def __init__(self, queue: PromptQueue) -> None:
        self.next_index = 0
        self.completed = 0
        self.shown = Shown()
        self.told = 0
        self.held = 0
        self.drains = False
        """The client was told that the pod goes away."""
        self.stops = False
        """No further turn begins: the session is to be handed over."""
        self.preparing: Turn | None = None
        self.running: Segment | None = None
        self.current: WaitingPrompt | None = None
        """The prompt that is prepared or runs."""
        self._queue = queue
        self._turn_id = 0
        self._ahead: AskedPrompt | None = None

    def begin(self, now: float) -> Turn | None:
        """The next prompt's turn; None when there is none, or another one's has not ended."""
        if self.current is not None or self.stops:
            return None
        self.current = self._queue.take(now)
        return self._prepare()

    def look_ahead(self, now: float) -> Iterator[PrepareAhead]:
        """What takes time is prepared while the segment before it is made; nothing if that has not
        changed."""
        looks = self.running is not None and not self.stops
        asked = self._queue.upcoming(now) if looks else None
        if asked != self._ahead:
            self._ahead = asked
            yield PrepareAhead(asked)

    def record(self, now: float) -> TurnsRecord:
        running = self.running
        return TurnsRecord(
            next_index=self.next_index,
            completed=self.completed,
            current=self.current.record(now) if self.current else None,
            prepared=PreparedPrompt(running.request, running.source) if running else None,
            shown=self.shown,
            told=self.told,
            held=self.held,
        )

    def restore(self, record: TurnsRecord, now: float) -> None:
        """`resume` begins the turn once more that had begun."""
        self.next_index, self.completed = record.next_index, record.completed
        self.shown, self.told, self.held = record.shown, record.told, record.held
        if record.current is not None:
            self.current = WaitingPrompt.from_record(record.current, now)
            if record.prepared is not None:
                self._run(self.current, record.prepared)

    def resume(self) -> Turn | Segment | None:
        return self.running or self._prepare()

    def prepared(self, turn_id: int, prepared: PreparedPrompt) -> Segment | None:
        """The segment; None when the turn has been dropped."""
        turn = self._take_preparing(turn_id)
        if turn is None:
            return None
        self._queue.began(prepared.request.prompt)
        return self._run(turn.waiting, prepared)

    def dropped(self, turn_id: int | None = None) -> WaitingPrompt | None:
        """End the turn in preparation, whichever when `turn_id` is None; its prompt."""
        turn = self._take_preparing(turn_id)
        if turn is None:
            return None
        self.current = None
        return turn.waiting

    def leave(self) -> tuple[Segment, WaitingPrompt] | None:
        """The segment that ran has ended, and its prompt."""
        left, prompt = self.running, self.current
        if left is None or prompt is None:
            return None
        self.running = self.current = None
        self.next_index += 1
        self.shown = self.shown.ended()
        return left, prompt

    def tell(self, segment: Segment) -> bool:
        """The viewer is told that it begins. Whether it was told so before."""
        told, self.told = self.told, max(self.told, segment.index + 1)
        return segment.index < told

    def show(self, frames: int, keyframes: tuple[int, ...]) -> None:
        """The running segment's next frames are on the timeline."""
        self.shown = self.shown.after(frames, keyframes)

    def _prepare(self) -> Turn | None:
        if self.current is not None:
            self._turn_id += 1
            self._ahead = None
            self.preparing = Turn(self._turn_id, self.current, self._queue.asked(self.current))
        return self.preparing

    def _take_preparing(self, turn_id: int | None) -> Turn | None:
        turn = self.preparing
        if turn is None or turn_id not in (None, turn.turn_id):
            return None
        self.preparing = None
        return turn

    def _run(self, waiting: WaitingPrompt, prepared: PreparedPrompt) -> Segment:
        self.running = Segment(
            index=self.next_index,
            request=prepared.request,
            source=prepared.source,
            request_id=waiting.prompt.request_id,
            requested_at=waiting.received_at,
            prompt_read=prepared.prompt_read,
            notes=prepared.notes,
            trouble=prepared.trouble,
        )
        return self.running
