"""A session at work: performs what the state machine says, and holds its slot and its encoder.

All methods run on the event loop and call the session and then `_perform` its effects at once, so
no lock is needed around the session.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from matinee.errors import WorkerFailed
from matinee.generation import ModelInfo, State, count_steps
from matinee.serving.admission import NotAdmitting, Visit
from matinee.session import effects
from matinee.session.effects import CloseCode, End
from matinee.session.opening import turned_away
from matinee.session.requests import RequestRules
from matinee.session.segment_stream import JobHandle, Outcome, SegmentRun
from matinee.session.send_queue import SendQueue
from matinee.session.services import Services
from matinee.session.session import Session
from matinee.session.states import StateKeeper
from matinee.session.video import SessionVideo
from matinee.state.codec import known_frames
from matinee.wire import server_messages as say
from matinee.wire.client_messages import StreamMode
from matinee.worker import messages as worker
from matinee.worker.messages import SegmentJob

IDLE_CHECK_S = 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """How the client and the logs name a session; the token proves that it is the client's."""

    session_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What the first message led to. `state`: what it brought along."""

    session: Session
    rules: RequestRules
    info: ModelInfo
    video: SessionVideo
    mode: StreamMode
    state: State | None


class LiveSession:
    """`visit`: the way to a slot, left here in the end. `tasks` owns the tasks made here; `end`
    closes the socket for a reason."""

    def __init__(
        self,
        identity: Identity,
        opened: Opened,
        services: Services,
        visit: Visit,
        queue: SendQueue,
        tasks: asyncio.TaskGroup,
        end: Callable[[End], None],
    ) -> None:
        self._identity = identity
        self._opened = opened
        self._session = opened.session
        self._services = services
        self._visit = visit
        self._queue = queue
        self._tasks = tasks
        self._end = end
        self._states = StateKeeper(identity.session_id, services.states, queue, self._log)
        self._gpu_id: int | None = None
        self._job: JobHandle | None = None
        self._segment_task: asyncio.Task[None] | None = None
        self._waiting_task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    # From the socket

    def heard(self, text: str | None) -> None:
        """A frame from the client; None for a binary one."""
        if text is None:
            self._session.receive_binary(time.monotonic())
        else:
            self._session.receive_text(text, time.monotonic())
        self._perform()

    def drain(self, deadline_s: float) -> None:
        self._session.drain(deadline_s)
        self._perform()

    def shut_down(
        self, reason: say.EndReason, code: CloseCode, text: str, *, tells_state: bool
    ) -> None:
        self._session.shut_down(reason, code, text, tells_state=tells_state)
        self._perform()

    def request_keyframe(self) -> None:
        self._opened.video.request_keyframe()

    def socket_gone(self) -> None:
        """Nobody watches any more: stop the GPU and give the slot back."""
        self._over.set()
        if self._job is not None:
            self._job.abandon()
        if self._waiting_task is not None:
            self._waiting_task.cancel()

    # The slot

    async def hold_slot(self) -> None:
        """Wait for a slot and hold it until the socket is gone and the GPU has stopped."""
        if self._over.is_set():
            return
        timeout_s = self._services.config.streaming.session_timeout_seconds
        self._waiting_task = asyncio.current_task()
        try:
            async with asyncio.timeout(timeout_s) as waiting:
                await self._visit.slot()
                self._waiting_task = None
                waiting.reschedule(None)
                await self._use_slot()
        except NotAdmitting as error:
            self._turn_away("gpu_unavailable", str(error))
        except TimeoutError:
            self._turn_away("gpu_unavailable", "no slot became free in time")
        finally:
            self._waiting_task = None
            self._visit.leave()

    async def _use_slot(self) -> None:
        if self._over.is_set():
            return
        try:
            self._gpu_id = self._services.pool.join(self._identity.session_id).index
            self._greet(self._gpu_id)
            await self._work()
        except WorkerFailed:
            self._turn_away("gpu_unavailable", "no worker is able to run the model")
        finally:
            self._services.pool.leave(self._identity.session_id)

    async def _work(self) -> None:
        if self._opened.state is not None and known_frames(self._opened.state) > 1:
            await self._states.keep(self._opened.state)
        self._session.slot_bound(time.monotonic())
        self._perform()
        await self._until_over()
        if self._segment_task:
            await asyncio.wait([self._segment_task])
        await self._states.release()

    async def _until_over(self) -> None:
        while not self._over.is_set():
            try:
                async with asyncio.timeout(IDLE_CHECK_S):
                    await self._over.wait()
            except TimeoutError:
                self._session.tick(time.monotonic())
                self._perform()

    def _greet(self, gpu_id: int) -> None:
        opened, identity = self._opened, self._identity
        timeout_s = self._services.config.streaming.session_timeout_seconds
        self._queue.put(
            say.GpuAssigned(
                gpu_id=gpu_id,
                session_timeout=round(timeout_s),
                model_id=opened.info.model_id,
                session_id=identity.session_id,
                resume_token=identity.token,
                worker=self._services.name,
            )
        )
        self._queue.put(
            say.StreamStart(
                preset=opened.session.init.preset,
                width=opened.rules.defaults.width,
                height=opened.rules.defaults.height,
                fps=opened.rules.defaults.fps,
                num_frames=opened.rules.defaults.num_frames,
                mime=opened.video.mime,
            )
        )
        self._log("slot_bound")

    def _turn_away(self, code: say.ErrorCode, message: str) -> None:
        rejection = turned_away(code, message)
        self._queue.put(rejection.error)
        self._end(End("error", rejection.code, rejection.text))

    # Effects

    def _perform(self) -> None:
        for effect in self._session.take_effects():
            self._perform_one(effect)

    def _perform_one(self, effect: effects.Effect) -> None:
        match effect:
            case effects.Send(message):
                self._queue.put(message)
            case effects.StartSegment(segment, state):
                self._begin_segment(segment, state)
            case effects.CancelSegment():
                self._cancel_segment()
            case effects.AnswerSnapshot():
                self._tasks.create_task(self._states.answer())
            case effects.KeepState(state):
                self._tasks.create_task(self._states.keep(state))
            case End(tells_state=True):
                self._tasks.create_task(self._tell_state_and_end(effect))
            case End():
                self._end(effect)

    async def _tell_state_and_end(self, end: End) -> None:
        await self._states.tell()
        self._end(end)

    def _begin_segment(self, segment: effects.Segment, state: State | None) -> None:
        """The job is the worker's when this returns, so that a cancel always finds it."""
        if self._over.is_set():
            return
        session_id = self._identity.session_id
        job = SegmentJob(next(self._services.job_ids), session_id, segment.request, state)
        self._announce(segment, state)
        try:
            self._tell_migrated(self._services.pool.join(session_id).index)
            self._job = self._services.pool.submit(job)
        except WorkerFailed:
            message = "no worker is able to run the model"
            self._settle(worker.SegmentFailed(job.job_id, message, bad_input=False))
        else:
            self._segment_task = self._tasks.create_task(self._see_through(segment, self._job))

    def _announce(self, segment: effects.Segment, state: State | None) -> None:
        self._queue.put(
            say.SegmentStart(
                segment_idx=segment.index,
                prompt=segment.request.prompt,
                total_steps=count_steps(self._opened.info, segment.request, known_frames(state)),
                source=segment.source,
                seed=segment.request.seed,
                request_id=segment.request_id,
            )
        )

    def _tell_migrated(self, gpu_id: int) -> None:
        """The session's worker was given up while the session was idle, so nothing stood still."""
        if gpu_id != self._gpu_id:
            self._gpu_id = gpu_id
            self._queue.put(say.SessionMigrated(self._identity.session_id, gap_ms=0.0))

    async def _see_through(self, segment: effects.Segment, job: JobHandle) -> None:
        run = SegmentRun(
            segment,
            job,
            self._opened.video,
            self._opened.mode,
            self._queue,
            self._services.metrics,
            self._services.encoders,
            self._step_done,
        )
        try:
            outcome = await run.run()
        finally:
            self._job = None
            job.abandon()  # after a mistake of ours: frames that nobody fetches hold slots
        self._log("segment", **run.summary(outcome))
        self._settle(outcome)

    def _settle(self, outcome: Outcome) -> None:
        now = time.monotonic()
        match outcome:
            case worker.SegmentDone():
                self._session.segment_done(outcome.state, now)
            case worker.SegmentCancelled():
                self._session.segment_cancelled(outcome, now)
            case worker.SegmentFailed():
                self._session.segment_failed(outcome, now)
        self._perform()

    def _step_done(self, event: worker.StepDone) -> None:
        self._session.step_done(event, time.monotonic())
        self._perform()

    def _cancel_segment(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _log(self, event: str, **payload: object) -> None:
        self._services.logs.write(self._identity.session_id, event, **payload)
