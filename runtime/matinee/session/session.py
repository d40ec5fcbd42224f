"""One viewer's session as a state machine without I/O.

The runner feeds it (`slot_bound`, `receive_*`, `prompt_*`, `segment_*`, `tick`) and after each
call performs what `take_effects` returns, in order:

    Send             a JSON message for the client
    PreparePrompt    make the next prompt ready; PrepareAhead: what will most likely be the next one
    CancelPrompt     nobody waits for that any more
    StartSegment     ask the worker for a segment; CancelSegment: stop it at its next step
    AnswerSnapshot   read the stored state and send it; RewritePrompt: other prompts, for a choice
    KeepState        store the session with the state that the segment left
    HandOver         store the session and close: another server goes on
    End              send `ltx2_stream_complete`, close with a code; nothing follows

At most one segment is prepared or runs at a time. Time is passed in as monotonic seconds.

    WAITING --slot_bound--> ACTIVE --End--> ENDED        (End is possible from WAITING too)
"""

from __future__ import annotations

from matinee.generation import ModelInfo, State
from matinee.prompt import PreparedPrompt, PromptRefused
from matinee.session.effects import (
    CancelPrompt,
    CancelSegment,
    CloseCode,
    Effect,
    End,
    HandOver,
    KeepState,
    PreparePrompt,
    Segment,
    StartSegment,
)
from matinee.session.failures import Failures, error_of
from matinee.session.inbox import Inbox
from matinee.session.outbox import Outbox
from matinee.session.prompt_queue import PromptQueue, WaitingPrompt
from matinee.session.record import SessionRecord, settled
from matinee.session.requests import RequestRules
from matinee.session.step_reports import StepReports
from matinee.session.turns import Turn, Turns
from matinee.session.video import encoder_settings
from matinee.wire import server_messages as say
from matinee.wire.client_messages import SessionInit
from matinee.worker import messages as worker
from matinee_api.config.runtime_config import StreamingConfig


class Session:
    """See the module's docstring.

    `state`: what the first segment goes on from: an initial image or an imported continuation
    state. Raises `InvalidRequest` when `init` asks for what the model cannot do.
    """

    def __init__(
        self,
        config: StreamingConfig,
        rules: RequestRules,
        init: SessionInit,
        state: State | None,
        now: float,
    ) -> None:
        self.init = init
        self.state = state
        """What the next segment goes on from."""
        self.defaults = rules.defaults
        self.encoder = encoder_settings(
            init.stream_mode or config.stream_mode, rules.defaults, config, rules.audio
        )
        self._config = config
        self._active = False
        self._outbox = Outbox()
        writes = bool(config.prompt.enabled)
        self._queue = PromptQueue(rules, init, config.limits.queued_requests, writes=writes)
        self._turns = Turns(self._queue)
        self._inbox = Inbox(self._queue, self._turns, self._outbox, config.limits.bad_messages)
        self._steps = StepReports(0)
        self._worked_at = now
        self._was_active = False
        self._failures, self._seed = Failures(), rules.seed
        if init.enhancement_enabled and not writes:
            self._outbox.not_available("enhancement_enabled", "prompt enhancement")

    @classmethod
    def from_record(
        cls, record: SessionRecord, config: StreamingConfig, info: ModelInfo, now: float
    ) -> Session:
        """The session as it was; it waits for a slot. A segment that ran is made again, and
        `StartSegment` says what was shown of it.

        Raises `InvalidRequest` when this model cannot do what the session asked for.
        """
        rules = RequestRules(info, config.limits, info.defaults, record.init, record.seed)
        session = cls(config, rules, record.init, record.state, now)
        session.encoder = record.encoder
        session._turns.restore(record.turns, now)
        session._queue.restore(record.prompts, now)
        session._inbox.restore(record.heard, record.bad_in_a_row, record.replied)
        session._was_active = record.active
        session._worked_at = now - record.idle_s
        session._outbox.ended = record.ended
        if record.answered:
            session.take_effects()
        return session

    def record(self, now: float) -> SessionRecord:
        """Take it when all effects are performed, before `shut_down` forgets what waits."""
        return SessionRecord(
            init=settled(self.init, self.defaults, self.encoder.mode),
            seed=self._seed,
            encoder=self.encoder,
            turns=self._turns.record(now),
            prompts=self._queue.record(now),
            answered=self._outbox.taken,
            active=self._active,
            idle_s=now - max(self._worked_at, self._queue.asked_at),
            heard=self._inbox.heard,
            bad_in_a_row=self._inbox.bad_in_a_row,
            ended=self.ended,
            state=self.state,
        )

    def take_effects(self) -> list[Effect]:
        """What is to be done now; the caller does it all, in order."""
        return self._outbox.take()

    @property
    def ended(self) -> End | None:
        return self._outbox.ended

    @property
    def timeout_s(self) -> float:
        """An idle session ends then."""
        return self._config.session_timeout_seconds

    @property
    def running(self) -> Segment | None:
        return self._turns.running

    @property
    def deadline(self) -> float | None:
        """When `tick` ends an idle session, monotonic seconds; None while a turn lasts."""
        if self.ended or self._turns.current or not self._active:
            return None
        return max(self._worked_at, self._queue.asked_at) + self.timeout_s

    # From the runner

    def slot_bound(self, now: float) -> None:
        """A GPU slot is ours: segments may start, or start once more. Once in a life."""
        if self._active or self.ended:
            return
        self._active = True
        if not self._was_active:
            self._worked_at = now
        match self._turns.resume():
            case Segment() as segment:
                self._start(segment)
            case Turn() as turn:
                self._prepare(turn)
            case None:
                self._start_next(now)

    def tick(self, now: float) -> None:
        """End an idle session whose deadline has passed."""
        if self.deadline is None or now < self.deadline:
            return
        self._outbox.send(say.SessionTimeout(round(self.timeout_s)))
        self._end(End("timeout", CloseCode.NORMAL, "session_timeout"))

    def drain(self, deadline_s: float) -> None:
        """Tell the client that the pod is going away."""
        self._turns.drains = True
        self._outbox.send(say.Draining(deadline_seconds=deadline_s))

    def stay(self, now: float) -> None:
        """It cannot be handed over after all."""
        self._turns.stops = False
        self._start_next(now)

    def shut_down(
        self, reason: say.EndReason, code: CloseCode, text: str, *, tells_state: bool = False
    ) -> None:
        """End from outside. `tells_state`: the client is given its state, to go on elsewhere."""
        if self.running and not self.ended:
            self._outbox.add(CancelSegment())
        if self._turns.dropped():
            self._outbox.add(CancelPrompt())
        self._end(End(reason, code, text, tells_state=tells_state))

    # From the client

    def receive(self, frame: str | None, now: float) -> None:
        """A text frame, or None for a binary one. Only a prompt keeps an idle session."""
        if self.ended:
            return
        end = self._inbox.receive(frame, now)
        if end is not None:
            self.shut_down(end.reason, end.code, end.text)
        self._start_next(now)

    # From the prompt's preparer

    def prompt_ready(self, turn_id: int, prepared: PreparedPrompt, now: float) -> None:
        """Late for a turn that was dropped, it changes nothing."""
        if (segment := self._turns.prepared(turn_id, prepared)) is not None:
            self._start(segment)
            self._outbox.add(*self._turns.look_ahead(now))

    def prompt_refused(self, turn_id: int, why: PromptRefused, now: float) -> None:
        """The next prompt's turn comes instead."""
        if (refused := self._turns.dropped(turn_id)) is None:
            return
        request_id = refused.prompt.request_id
        self._outbox.send(say.Error(why.code, why.message, why.retryable, request_id, why.param))
        self._queue.refused(refused)
        self._worked_at = now
        self._start_next(now)

    # From the worker

    def step_done(self, event: worker.StepDone, now: float) -> None:
        if self.running and (report := self._steps.report(event, now)):
            self._outbox.send(report)

    def segment_done(self, state: State, now: float) -> None:
        """The last fragment of the running segment is queued for the client."""
        if self._leave_segment(now) is None:
            return
        self._keep(state)
        self._turns.completed += 1
        if self._turns.completed == self._config.generation_segment_cap:
            self._end(End("segment_cap", CloseCode.NORMAL, "segment_cap", tells_state=True))
        self._start_next(now)

    def segment_cancelled(self, event: worker.SegmentCancelled, now: float) -> None:
        """The video goes on from what was shown of the segment."""
        if (left := self._leave_segment(now)) is None:
            return
        segment, _ = left
        self._keep(event.state)
        self._outbox.send(say.SegmentCancelled(segment.index, event.steps_done, segment.request_id))
        self._start_next(now)

    def segment_failed(self, event: worker.SegmentFailed, now: float) -> None:
        """The video goes on from the state before the segment, if the session goes on."""
        if (left := self._leave_segment(now)) is None:
            return
        segment, prompt = left
        self._outbox.send(error_of(event, segment.request_id))
        self._keep(None)
        if end := self._failures.end_after(event):
            self._end(end)
        self._queue.refused(prompt)
        self._start_next(now)

    def frames_shown(self, frames: int, keyframes: tuple[int, ...] = ()) -> None:
        """The viewer was given the running segment's next fragment, or has missed it. `keyframes`:
        see `Shown`."""
        self._turns.show(frames, keyframes)

    # Within

    def _keep(self, state: State | None) -> None:
        if state is not None:
            self.state = None if self.init.single_clip_mode else state
        self._outbox.add(KeepState(state))

    def _start_next(self, now: float) -> None:
        if self.ended or not self._active:
            return
        if (turn := self._turns.begin(now)) is not None:
            self._prepare(turn)
        elif self._turns.stops and self._turns.current is None:
            self._outbox.add(HandOver())
        self._outbox.add(*self._turns.look_ahead(now))

    def _prepare(self, turn: Turn) -> None:
        self._outbox.add(PreparePrompt(turn.turn_id, turn.asked))

    def _start(self, segment: Segment) -> None:
        self._steps, turns = StepReports(segment.index), self._turns
        again = turns.tell(segment)
        self._outbox.add(StartSegment(segment, self.state, turns.shown, again, turns.held))

    def _leave_segment(self, now: float) -> tuple[Segment, WaitingPrompt] | None:
        """The segment that ran; None when none did, or the session has ended."""
        left = self._turns.leave()
        if left is None or self.ended:
            return None
        self._worked_at = now
        return left

    def _end(self, end: End) -> None:
        if not self.ended:
            self._queue.clear()
        self._outbox.end(end)
