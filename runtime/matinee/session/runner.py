"""A session at work: performs what the state machine says, and holds its slot and its encoder.

All methods run on the event loop and call the session and then `_perform` its effects at once, so
no lock is needed around the session.
"""

from __future__ import annotations

import asyncio
from functools import partial

from matinee.errors import WorkerFailed
from matinee.prompt import PromptRefused
from matinee.serving.admission import NotAdmitting, Visit
from matinee.session import effects
from matinee.session.alarm import DeadlineAlarm
from matinee.session.announcements import opening_facts, segment_start, stream_start
from matinee.session.effects import CloseCode, End
from matinee.session.opened import Opened
from matinee.session.opening import turned_away
from matinee.session.outlet import Outlet
from matinee.session.preparation import prepare
from matinee.session.reading import with_notes
from matinee.session.record import SessionRecord, digest_of
from matinee.session.segment_stream import JobHandle, Outcome, SegmentStream
from matinee.session.states import StateKeeper
from matinee.session.studio import Studio
from matinee.state.codec import known_frames
from matinee.wire import server_messages as say
from matinee.worker import messages as worker
from matinee.worker.messages import SegmentJob


class SessionRunner:
    """`visit`: the way to a slot, left here in the end. `tasks` owns the tasks made here.

    Whoever owns the outlet tells what comes the other way: `heard`, `request_keyframe`, `gone`.
    """

    def __init__(
        self,
        opened: Opened,
        outlet: Outlet,
        studio: Studio,
        visit: Visit,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._session_id = opened.identity.session_id
        self._opened = opened
        self._session = opened.session
        self._outlet = outlet
        self._studio = studio
        self._visit = visit
        self._tasks = tasks
        self._log = partial(studio.logs.write, self._session_id)
        self._states = StateKeeper(self._session_id, studio.states, outlet.put, self._log)
        self._gpu_id: int | None = None
        self._job: JobHandle | None = None
        self._alarm = DeadlineAlarm(studio.clock)
        self._segment_task: asyncio.Task[None] | None = None
        self._prompt_task: asyncio.Task[None] | None = None
        self._waiting_task: asyncio.Task[None] | None = None
        self._over = False

    # From the outlet and its owner

    def heard(self, text: str | None) -> None:
        """A frame from the client; None for a binary one."""
        self._session.receive(text, self._studio.clock.now())
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

    def gone(self) -> None:
        """Nobody watches any more: stop the GPU and give the slot back."""
        self._over = True
        self._alarm.switch_off()
        if self._job is not None:
            self._job.abandon()
        self._cancel_prompt()
        if self._waiting_task is not None:
            self._waiting_task.cancel()

    # The slot

    async def run(self) -> None:
        """Wait for a slot and hold it until the outlet is gone and the GPU has stopped."""
        try:
            if await self._got_slot():
                await self._use_slot()
        finally:
            self._visit.leave()

    async def _got_slot(self) -> bool:
        if self._over:
            return False
        self._waiting_task = asyncio.current_task()
        try:
            async with asyncio.timeout(self._session.timeout_s):
                await self._visit.slot()
        except NotAdmitting as error:
            self._turn_away(str(error))
        except TimeoutError:
            self._turn_away("no slot became free in time")
        else:
            return not self._over
        finally:
            self._waiting_task = None
        return False

    async def _use_slot(self) -> None:
        try:
            self._gpu_id = self._studio.pool.join(self._session_id).index
            self._greet(self._gpu_id)
            await self._work()
        except WorkerFailed:
            self._turn_away("no worker is able to run the model")
        finally:
            self._studio.pool.leave(self._session_id)

    async def _work(self) -> None:
        state = self._session.state
        if state is not None and known_frames(state) > 1:
            await self._states.keep(state, self._record())
        self._session.slot_bound(self._studio.clock.now())
        self._perform()
        await self._until_over()
        if self._segment_task:
            await asyncio.wait([self._segment_task])
        await self._states.release()
        self._studio.videos.open_ahead(self._session.encoder)

    def _record(self) -> SessionRecord:
        token = self._opened.identity.token
        return self._session.record(self._studio.clock.now(), digest_of(token))

    async def _until_over(self) -> None:
        """Everything but the deadline comes as a call."""
        while not self._over:
            await self._alarm.rings()
            self._session.tick(self._studio.clock.now())
            self._perform()

    def _greet(self, gpu_id: int) -> None:
        self._outlet.put(
            say.GpuAssigned(
                gpu_id=gpu_id,
                session_timeout=round(self._session.timeout_s),
                model_id=self._opened.info.model_id,
                session_id=self._session_id,
                resume_token=self._opened.identity.token,
                worker=self._studio.name,
            )
        )
        self._outlet.put(stream_start(self._session, self._opened.video.mime))
        self._studio.logs.begin(self._session_id, **opening_facts(self._session))

    def _turn_away(self, message: str) -> None:
        if self._session.ended:  # its own end is told, perhaps after its state
            return
        rejection = turned_away("gpu_unavailable", message)
        self._outlet.put(rejection.error)
        self._outlet.close(End("error", rejection.code, rejection.text))

    # Effects

    def _perform(self) -> None:
        for effect in self._session.take_effects():
            self._perform_one(effect)
        if not self._over:
            self._alarm.set(self._session.deadline)

    def _perform_one(self, effect: effects.Effect) -> None:
        match effect:
            case effects.Send(message):
                self._outlet.put(message)
            case effects.PreparePrompt():
                self._prompt_task = self._tasks.create_task(self._prepare(effect))
            case effects.CancelPrompt():
                self._cancel_prompt()
            case effects.StartSegment():
                self._begin_segment(effect)
            case effects.CancelSegment():
                self._cancel_segment()
            case End(tells_state=False):
                self._close(effect)
            case effects.AnswerSnapshot() | effects.KeepState() | End():
                self._tasks.create_task(self._use_states(effect))

    async def _use_states(self, effect: effects.AnswerSnapshot | effects.KeepState | End) -> None:
        match effect:
            case effects.AnswerSnapshot():
                await self._states.answer()
            case effects.KeepState(state):
                await self._states.keep(state, self._record())
            case End():
                await self._states.tell()
                self._close(effect)

    def _close(self, end: End) -> None:
        for fragment in self._opened.video.finish() if self._job is None else ():
            self._outlet.put_video(fragment)  # the last sound had waited for a segment after it
        self._outlet.close(end)

    async def _prepare(self, order: effects.PreparePrompt) -> None:
        studio, now = self._studio, self._studio.clock.now
        try:
            prepared = await prepare(studio.preparer, order.asked, studio.prepare_timeout_s)
            told = await with_notes(prepared, self._opened.info, studio.pool, self._session_id)
        except PromptRefused as why:
            self._session.prompt_refused(order.turn_id, why, now())
        else:
            self._session.prompt_ready(order.turn_id, told)
        self._perform()

    def _cancel_prompt(self) -> None:
        if self._prompt_task is not None:
            self._prompt_task.cancel()

    def _begin_segment(self, start: effects.StartSegment) -> None:
        """The job is the worker's when this returns, so that a cancel always finds it."""
        if self._over:
            return
        segment = start.segment
        job_id = next(self._studio.job_ids)
        job = SegmentJob(job_id, self._session_id, segment.request, start.state)
        if not start.again:
            self._outlet.put(segment_start(segment, start.state, self._opened.info))
        try:
            self._tell_migrated(self._studio.pool.join(self._session_id).index)
            self._job = self._studio.pool.submit(job)
        except WorkerFailed:
            message = "no worker is able to run the model"
            self._settle(worker.SegmentFailed(job_id, message, worker.Cause.NO_WORKER))
        else:
            self._segment_task = self._tasks.create_task(self._see_through(start, self._job))

    def _tell_migrated(self, gpu_id: int) -> None:
        """The session's worker was given up while the session was idle, so nothing stood still."""
        if gpu_id != self._gpu_id:
            self._gpu_id = gpu_id
            self._outlet.put(say.SessionMigrated(self._session_id, gap_ms=0.0))

    async def _see_through(self, start: effects.StartSegment, job: JobHandle) -> None:
        stream = SegmentStream(
            start,
            job,
            self._opened.video,
            self._session.encoder.mode,
            f"{self._session_id}-{start.segment.index}",
            self._outlet,
            self._studio,
            self._step_done,
            self._shown,
        )
        try:
            outcome = await stream.run()
        finally:
            self._job = None
            job.abandon()  # after a mistake of ours: frames that nobody fetches hold slots
        self._log("segment", **stream.summary(outcome))
        self._settle(outcome)

    def _settle(self, outcome: Outcome) -> None:
        now = self._studio.clock.now()
        match outcome:
            case worker.SegmentDone():
                self._session.segment_done(outcome.state, now)
            case worker.SegmentCancelled():
                self._session.segment_cancelled(outcome, now)
            case worker.SegmentFailed():
                self._session.segment_failed(outcome, now)
        self._perform()

    def _step_done(self, event: worker.StepDone) -> None:
        self._session.step_done(event, self._studio.clock.now())
        self._perform()

    def _shown(self, frames: int) -> None:
        self._session.frames_shown(frames, self._opened.video.keyframes)

    def _cancel_segment(self) -> None:
        if self._job is not None:
            self._job.cancel()
