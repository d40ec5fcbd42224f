"""Values and fakes that the tests of several modules need."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np

from matinee.generation import SegmentRequest, State
from matinee.media.decoding.pool import DecoderPool
from matinee.media.decoding.process import DecodeLimits
from matinee.media.i420 import I420Picture
from matinee.media.media_stream import Fragment
from matinee.serving.admission import Admission, Place
from matinee.serving.byte_budget import ByteBudget
from matinee.session.baggage import Unpacker
from matinee.session.clock import Clock
from matinee.session.effects import Effect, End, PreparePrompt, Segment, Send, StartSegment
from matinee.session.metrics import Metrics
from matinee.session.record import SessionRecord
from matinee.session.requests import RequestRules
from matinee.session.session import Session
from matinee.session.session_log import LogBounds, SessionLogs
from matinee.session.states import StateStorage
from matinee.session.studio import Studio
from matinee.session.video_opener import VideoOpener
from matinee.state.codec import state_to_wire
from matinee.state.last_frames import LastFrames
from matinee.store.memory import MemoryStore
from matinee.wire.client_messages import SegmentPrompt, SessionInit
from matinee.wire.long_json import parts_of
from matinee.wire.server_messages import Error, ServerMessage
from matinee.worker import messages as worker
from matinee.worker.messages import Cause
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import LimitsConfig, StreamingConfig
from tests.unit.runtime.media.pictures import moving_i420
from tests.unit.runtime.store.making import ROOMY
from tests.unit.runtime.worker import fake_engine

INFO = fake_engine.INFO
"""32x32 pixels, 17 frames, 24 fps, 4 steps."""


def state_of(frames: int = 9, *, width: int = 32, height: int = 32) -> State:
    return LastFrames(np.zeros((frames, height, width, 3), np.uint8)).to_state("ltx.v1")


def wire_of(state: State) -> dict[str, Any]:
    """As a client reads it."""
    wire: dict[str, Any] = json.loads(b"".join(parts_of(state_to_wire(state))))
    return wire


def init_of(**fields: Any) -> SessionInit:
    return SessionInit.model_validate_json(json.dumps({"type": "session_init_v2", **fields}))


def prompt_of(prompt: str = "a ball", **fields: Any) -> SegmentPrompt:
    text = json.dumps({"type": "segment_prompt_source", "prompt": prompt, **fields})
    return SegmentPrompt.model_validate_json(text)


def rules_of(init: SessionInit | None = None, **limits: Any) -> RequestRules:
    return RequestRules(INFO, LimitsConfig(**limits), INFO.defaults, init or init_of(), seed=7)


def request_of(prompt: str = "a ball") -> SegmentRequest:
    return rules_of().request_for(prompt_of(prompt))


def segment_of(index: int = 0, *, asked_at: float = 0.0) -> Segment:
    return Segment(index, request_of(), "user", "r1", asked_at)


def fragment_of(size: int = 100, *, keyframe: bool = False, ms: float = 40.0) -> Fragment:
    return Fragment(bytes(size), 1, 0.0, ms, keyframe)


def step(number: int, total: int = 4, elapsed_ms: float = 100.0) -> worker.StepDone:
    return worker.StepDone(1, number, total, "denoise", elapsed_ms)


def failed(cause: Cause) -> worker.SegmentFailed:
    return worker.SegmentFailed(1, "no", cause, "prompt" if cause is Cause.REQUEST else None)


def sent(effects: Iterable[Effect]) -> list[ServerMessage]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def started(effects: list[Effect]) -> list[StartSegment]:
    return [effect for effect in effects if isinstance(effect, StartSegment)]


def prompts_of(effects: list[Effect]) -> list[str]:
    return [effect.segment.request.prompt for effect in started(effects)]


def errors(effects: list[Effect]) -> list[Error]:
    return [message for message in sent(effects) if isinstance(message, Error)]


def end_of(effects: list[Effect]) -> End | None:
    return effects[-1] if effects and isinstance(effects[-1], End) else None


class Viewer:
    """A session and its clock; every method returns what the session wants done now.

    `plain`: prompts are ready as soon as their turn comes, and `PreparePrompt` is left out.
    """

    def __init__(
        self,
        state: State | None = None,
        *,
        bound: bool = True,
        plain: bool = True,
        init: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        **streaming: Any,
    ) -> None:
        self.now = 1000.0
        self.config = StreamingConfig(limits=LimitsConfig(**(limits or {})), **streaming)
        self._plain = plain
        opened = init_of(**(init or {}))
        rules = RequestRules(INFO, self.config.limits, INFO.defaults, opened, seed=7)
        self.session = Session(self.config, rules, opened, state, self.now)
        if bound:
            self.session.slot_bound(self.now)

    def rebuild(self, now: float) -> None:
        """Let the session's record, as JSON, be taken up where the time is `now`."""
        record = self.session.record(self.now)
        again = SessionRecord.from_json(record.to_json(), record.state)
        self.now = now
        self.session = Session.from_record(again, self.config, INFO, now)

    @property
    def effects(self) -> list[Effect]:
        effects = self.session.take_effects()
        if self._plain:
            orders = [effect for effect in effects if isinstance(effect, PreparePrompt)]
            effects = [effect for effect in effects if effect not in orders]
            for order in orders:
                self.session.prompt_ready(order.turn_id, order.asked.as_it_is(), self.now)
                effects += self.effects
        return effects

    def say(self, kind: str, **fields: Any) -> list[Effect]:
        self.session.receive(json.dumps({"type": kind, **fields}), self.now)
        return self.effects

    def text(self, text: str) -> list[Effect]:
        self.session.receive(text, self.now)
        return self.effects

    def binary(self) -> list[Effect]:
        self.session.receive(None, self.now)
        return self.effects

    def prompt(self, prompt: str = "a ball", **fields: Any) -> list[Effect]:
        return self.say("segment_prompt_source", prompt=prompt, **fields)

    def done(self, state: State | None = None) -> list[Effect]:
        self.session.segment_done(state or state_of(), self.now)
        return self.effects

    def cancelled(self, steps: int = 2, state: State | None = None) -> list[Effect]:
        self.session.segment_cancelled(worker.SegmentCancelled(1, steps, state), self.now)
        return self.effects

    def failed(self, cause: Cause) -> list[Effect]:
        self.session.segment_failed(failed(cause), self.now)
        return self.effects

    def step(self, number: int) -> list[Effect]:
        self.session.step_done(step(number), self.now)
        return self.effects

    def wait(self, seconds: float) -> list[Effect]:
        self.now += seconds
        self.session.tick(self.now)
        return self.effects


class FakeJob:
    """A job that has ended already, whose events wait to be fetched."""

    def __init__(self, *events: worker.JobEvent) -> None:
        self.released: list[int] = []
        self.cancelled = False
        self._events = events

    async def __aiter__(self) -> AsyncIterator[worker.JobEvent]:
        for event in self._events:
            yield event

    def cancel(self) -> None:
        self.cancelled = True

    def abandon(self) -> None:
        self.cancel()

    def pictures(self, event: worker.FramesReady) -> list[I420Picture]:
        return [
            moving_i420(event.width, event.height, event.first_frame + index)
            for index in range(len(event.slots))
        ]

    def release(self, slots: Iterable[int]) -> None:
        self.released.extend(slots)


def frames_ready(*counts: int, end_chunks: bool = True) -> Sequence[worker.FramesReady]:
    """A segment's frames, in as many events as there are counts. `end_chunks`: each is a chunk."""
    starts = itertools.accumulate(counts, initial=0)
    return [
        worker.FramesReady(1, tuple(range(start, start + count)), 64, 48, start, end_chunks)
        for start, count in zip(starts, counts, strict=False)
    ]


def segment_done(frames: int = 9, compute_ms: float = 500.0) -> worker.SegmentDone:
    return worker.SegmentDone(1, state_of(), frames, compute_ms)


def studio_of(encoders: Executor, clock: Clock, pool: object = None) -> Studio:
    metrics = Metrics()
    return Studio(
        name="test",
        pool=cast(WorkerPool, pool),
        states=StateStorage.over(MemoryStore(ROOMY), "test", encoders, metrics),
        logs=SessionLogs(None, LogBounds(60.0, 10, 2**20), metrics),
        metrics=metrics,
        encoders=encoders,
        videos=VideoOpener(encoders),
        unpacker=Unpacker(DecoderPool(DecodeLimits()), encoders),
        unseated=ByteBudget(2**20),
        clock=clock,
    )


@asynccontextmanager
async def slot(
    admission: Admission, on_place: Callable[[Place], None] = lambda _place: None
) -> AsyncIterator[None]:
    """Enter, wait for the slot, hold it."""
    visit = admission.enter(on_place)
    try:
        await visit.slot()
        yield
    finally:
        visit.leave()
