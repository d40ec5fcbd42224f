"""One viewer's session as a state machine without I/O.

The connection feeds it (`opened`, `slot_bound`, `receive_*`, `segment_*`, `tick`) and after each
call performs what `take_effects` returns, in order:

    Send             a JSON message for the client
    StartSegment     ask the worker for a segment
    CancelSegment    stop the running one at its next step
    AnswerSnapshot   read the stored state and send it
    KeepState        store the state that the segment left
    End              send `ltx2_stream_complete`, close with a code; nothing follows

At most one segment runs at a time. Time is passed in as monotonic seconds.

    WAITING --slot_bound--> ACTIVE --End--> ENDED        (End is possible from WAITING too)
"""

from __future__ import annotations

from matinee.errors import InvalidRequest
from matinee.generation import State
from matinee.session.effects import (
    AnswerSnapshot,
    CancelSegment,
    CloseCode,
    Effect,
    End,
    KeepState,
    Segment,
    Send,
    StartSegment,
)
from matinee.session.prompt_queue import PromptQueue
from matinee.session.requests import RequestRules
from matinee.session.step_reports import StepReports
from matinee.wire import server_messages as say
from matinee.wire.client_messages import (
    ClientMessage,
    InvalidMessage,
    PausedUpdated,
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
        self.running: Segment | None = None
        self.ended: End | None = None
        self._config = config
        self._limits = config.limits
        self._state = state
        self._next_index = 0
        self._completed = 0
        self._active = False
        self._queue = PromptQueue(rules, init, self._limits.queued_requests)
        self._own_prompt = False
        self._bad_in_a_row = 0
        self._steps = StepReports(0)
        self._heard_at = now
        self._effects: list[Effect] = []
        if init.enhancement_enabled:
            self._not_available("enhancement_enabled", "prompt enhancement")

    def take_effects(self) -> list[Effect]:
        """What is to be done now; the caller does it all, in order."""
        effects, self._effects = self._effects, []
        return effects

    @property
    def deadline(self) -> float | None:
        """When `tick` ends an idle session, monotonic seconds; None while a segment runs."""
        if self.running or not self._active:
            return None
        return self._heard_at + self._config.session_timeout_seconds

    # From the connection

    def slot_bound(self, now: float) -> None:
        """A GPU slot is ours: segments may start."""
        self._active = True
        self._heard_at = now
        self._start_next(now)

    def tick(self, now: float) -> None:
        """End an idle session whose deadline has passed."""
        if self.ended or self.deadline is None or now < self.deadline:
            return
        self._send(say.SessionTimeout(round(self._config.session_timeout_seconds)))
        self._end(End("timeout", CloseCode.NORMAL, "session_timeout"))

    def drain(self, deadline_s: float) -> None:
        """Tell the client that the pod is going away."""
        self._send(say.Draining(deadline_seconds=deadline_s))

    def shut_down(
        self, reason: say.EndReason, code: CloseCode, text: str, *, tells_state: bool = False
    ) -> None:
        """End from outside: shutdown, drain deadline, a failure of the connection. `tells_state`:
        the client is given its state, to go on with elsewhere."""
        if self.running and not self.ended:
            self._effects.append(CancelSegment())
        self._end(End(reason, code, text, tells_state=tells_state))

    # From the client

    def receive_text(self, text: str, now: float) -> None:
        if self.ended:
            return
        self._heard_at = now
        try:
            message = parse_later_message(text)
        except InvalidMessage as error:
            self._bad_in_a_row = self._bad_in_a_row + 1 if error.noise else 0
            self._refuse(error.param, str(error))
            self._end_if_hopeless()
            return
        self._bad_in_a_row = 0
        self._handle(message, now)

    def receive_binary(self, now: float) -> None:
        if self.ended:
            return
        self._heard_at = now
        self._bad_in_a_row += 1
        self._refuse("", "binary frames are not part of the protocol; send JSON text")
        self._end_if_hopeless()

    def _handle(self, message: ClientMessage, now: float) -> None:
        match message:
            case SegmentPrompt():
                self._queue_prompt(message, now)
            case SegmentCancel():
                self._cancel(message)
            case SnapshotState():
                self._effects.append(AnswerSnapshot())
            case SeedPromptsUpdated() | ToggleUpdated() | PausedUpdated():
                self._switch(message)
            case SessionEnd():
                self.shut_down("stop_requested", CloseCode.NORMAL, "session_end")
            case SessionInit():
                self._refuse("type", "the session is already open; session_init_v2 comes once")
            case Unavailable():
                self._not_available("type", message.type)
        self._start_next(now)

    def _switch(self, message: SeedPromptsUpdated | ToggleUpdated | PausedUpdated) -> None:
        if message.type == "enhancement_updated" and message.enabled:
            self._not_available("enabled", "prompt enhancement")
        try:
            self._queue.switch(message)
        except InvalidRequest as error:
            self._refuse(error.param, str(error))

    # From the worker

    def step_done(self, event: worker.StepDone, now: float) -> None:
        if self.running and (report := self._steps.report(event, now)):
            self._send(report)

    def segment_done(self, state: State, now: float) -> None:
        """The last fragment of the running segment is queued for the client."""
        if self._leave_segment(now) is None:
            return
        self._keep(state)
        self._completed += 1
        if self._completed == self._config.generation_segment_cap:
            self._end(End("segment_cap", CloseCode.NORMAL, "segment_cap", tells_state=True))
        self._start_next(now)

    def segment_cancelled(self, event: worker.SegmentCancelled, now: float) -> None:
        """The video goes on from what was shown of the segment."""
        left = self._leave_segment(now)
        if left is None:
            return
        if event.state is not None:
            self._keep(event.state)
        self._send(
            say.SegmentCancelled(
                segment_idx=left.index, steps_done=event.steps_done, request_id=left.request_id
            )
        )
        self._start_next(now)

    def segment_failed(self, event: worker.SegmentFailed, now: float) -> None:
        """The worker has already tried twice unless the request itself is at fault."""
        left = self._leave_segment(now)
        if left is None:
            return
        if event.bad_input:
            self._refuse(event.param or "", event.message, left.request_id)
            if self._own_prompt:
                self._queue.own_refused()
            self._start_next(now)
        else:
            self._send(say.Error("worker_failed", event.message, True, left.request_id))
            self._end(End("error", CloseCode.INTERNAL, "worker_failed"))

    # Within

    def _keep(self, state: State) -> None:
        self._state = None if self.init.single_clip_mode else state
        self._effects.append(KeepState(state))

    def _queue_prompt(self, message: SegmentPrompt, now: float) -> None:
        try:
            self._queue.put(message, now)
        except InvalidRequest as error:
            self._refuse(error.param, str(error), message.request_id)

    def _start_next(self, now: float) -> None:
        if self.ended or self.running or not self._active:
            return
        waiting = self._queue.take(now)
        if waiting is None:
            return
        self.running = Segment(
            index=self._next_index,
            request=waiting.request,
            source=waiting.prompt.source,
            request_id=waiting.prompt.request_id,
            requested_at=waiting.received_at,
        )
        self._own_prompt = waiting.own
        self._steps = StepReports(self._next_index)
        self._effects.append(StartSegment(self.running, self._state))

    def _leave_segment(self, now: float) -> Segment | None:
        """The segment that ran; None when none did, or when nobody wants to know any more."""
        left, self.running = self.running, None
        if left is None or self.ended:
            return None
        self._next_index += 1
        self._heard_at = now
        return left

    def _cancel(self, message: SegmentCancel) -> None:
        if message.request_id is not None:
            removed = self._queue.remove(message.request_id)
            for _ in range(removed):
                self._send(say.SegmentCancelled(-1, 0, message.request_id))
            if removed:
                return
        running = self.running
        if running is None or not message.names(running.index, running.request_id):
            self._refuse("segment_idx", "no such segment is running or waiting", message.request_id)
            return
        self._effects.append(CancelSegment())

    def _send(self, message: say.ServerMessage) -> None:
        if not self.ended:
            self._effects.append(Send(message))

    def _refuse(self, param: str, message: str, request_id: str | None = None) -> None:
        """Answer a mistake that leaves the session open."""
        self._send(
            say.Error(
                "invalid_message",
                message,
                retryable=True,
                request_id=request_id,
                param=param or None,
            )
        )

    def _not_available(self, param: str, feature: str) -> None:
        text = f"{feature} is not available on this server"
        self._send(say.Error("invalid_message", text, param=param))

    def _end_if_hopeless(self) -> None:
        if self._bad_in_a_row >= self._limits.bad_messages:
            self.shut_down("error", CloseCode.POLICY, "too many messages that cannot be read")

    def _end(self, end: End) -> None:
        if self.ended is None:
            self._queue.clear()
            self.ended = end
            self._effects.append(end)
