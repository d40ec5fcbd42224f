"""A session at work: performs what the state machine says, and holds its slot and its encoder.

All methods run on the event loop and call the session and then `_perform` its effects at once, so
no lock is needed around the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from matinee.errors import WorkerFailed
from matinee.serving.admission import Visit
from matinee.session import effects
from matinee.session.alarm import DeadlineAlarm
from matinee.session.announcements import greeting, opening_facts, segment_begins
from matinee.session.arrival import no_slot_because
from matinee.session.effects import CloseCode, End
from matinee.session.keeping import SessionKeeper
from matinee.session.opened import Opened
from matinee.session.opening import turned_away
from matinee.session.outlet import Outlet
from matinee.session.prompting import Prompting
from matinee.session.segment_stream import JobHandle, Outcome, SegmentStream
from matinee.session.studio import Studio, here
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
        self.identity = opened.identity
        self._session_id = opened.identity.session_id
        self._opened = opened
        self._session = opened.session
        self._outlet = outlet
        self._studio = studio
        self._visit = visit
        self._tasks = tasks
        self._log = partial(studio.logs.write, self._session_id)
        self._gpu_id: int | None = None  # since the slot is ours
        self._job: JobHandle | None = None
        self._alarm = DeadlineAlarm(studio.clock)
        self._keeper = SessionKeeper(opened, studio, outlet, tasks, self._log, self._alarm.wake)
        self._prompting = Prompting(opened, studio, outlet, tasks)
        self._segment_task: asyncio.Task[None] | None = None
        self._waiting_task: asyncio.Task[None] | None = None
        self._over = False
        self._left = asyncio.Event()

    # From the outlet and its owner

    def heard(self, text: str | None) -> None:
        """A frame from the client; None for a binary one."""
        if self._gpu_id is not None:
            self.identity.token_arrived()
        self._session.receive(text, self._studio.clock.now())
        self._perform()

    def drain(self, deadline_s: float) -> None:
        self._session.drain(deadline_s)
        self._perform()

    def shut_down(
        self, reason: say.EndReason, code: CloseCode, text: str, *, tells_state: bool
    ) -> None:
        self._save_as_it_is()
        self._session.shut_down(reason, code, text, tells_state=tells_state)
        self._perform()

    def release(self) -> bool:
        """To a router that moves the session: it is saved as it is and the outlet closed. False:
        there is nothing to go on with."""
        able = self._gpu_id is not None and not self._over and self._session.ended is None
        if able:
            self._keeper.hand_over()
        return able

    async def hand_over(self, take: Callable[[Visit], None]) -> None:
        """To another connection of this viewer: see `LiveSession`."""
        self._save_as_it_is()
        take(self._visit)
        self._lost()
        await self._left.wait()

    def request_keyframe(self) -> None:
        self._opened.video.request_keyframe()

    def gone(self) -> None:
        """Nobody watches any more: stop the GPU and give the slot back. The viewer may return."""
        self._save_as_it_is()
        self._keeper.stop()
        self._over = True
        self._alarm.switch_off()
        if self._job is not None:
            self._job.abandon()
        self._prompting.stop()
        if self._waiting_task is not None:
            self._waiting_task.cancel()

    # The slot

    async def run(self) -> None:
        """Wait for a slot and hold it until the outlet is gone and the GPU has stopped."""
        try:
            with here(self._studio.live, self):
                if await self._got_slot():
                    await self._use_slot()
        finally:
            self._visit.leave()
            self._left.set()

    async def _got_slot(self) -> bool:
        if self._over:
            return False
        self._waiting_task = asyncio.current_task()
        why_not = await no_slot_because(self._visit, self._session.timeout_s)
        self._waiting_task = None
        if why_not is not None:
            self._turn_away(why_not)
        return why_not is None and not self._over

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
        if known_frames(self._session.state) > 1:
            self._keeper.keep(self._session.state)
        self._session.slot_bound(self._studio.clock.now())
        self._perform()
        await self._until_over()
        if self._segment_task:
            await asyncio.wait([self._segment_task])
        await self._keeper.release()
        self._studio.videos.open_ahead(self._session.encoder)

    def _save_as_it_is(self) -> None:
        """While it goes on, or could: before anything of it is stopped."""
        if self._gpu_id is not None and not self._over and self._session.ended is None:
            self._keeper.save()

    def _lost(self) -> None:
        """Another server or connection goes on with the session."""
        text = "this session was taken over by another connection"
        self._outlet.put(say.Error("session_taken_over", text))
        self._session.shut_down("error", CloseCode.POLICY, "session_taken_over")
        self._perform()

    async def _until_over(self) -> None:
        """Everything but the deadline and the loss of the session comes as a call."""
        while not self._over:
            await self._alarm.rings()
            if self._keeper.lost:
                self._lost()
            self._session.tick(self._studio.clock.now())
            self._perform()

    def _greet(self, gpu_id: int) -> None:
        reachable = self._studio.states.late.reachable
        name = self._studio.name
        for message in greeting(self._opened, gpu_id, name, store_reachable=reachable):
            self._outlet.put(message)
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
            case (
                effects.PreparePrompt()
                | effects.PrepareAhead()
                | effects.CancelPrompt()
                | effects.RewritePrompt()
            ):
                self._prompting.perform(effect, self._perform)
            case effects.StartSegment():
                self._begin_segment(effect)
            case effects.CancelSegment():
                self._cancel_segment()
            case effects.AnswerSnapshot() | effects.KeepState() | effects.HandOver():
                self._keeper.perform(effect)
            case End():
                self._keeper.end(effect, self._close)

    def _close(self, end: End) -> None:
        for fragment in self._opened.video.finish() if self._job is None else ():
            self._outlet.put_video(fragment)  # the last sound had waited for a segment after it
        self._outlet.close(end)

    def _begin_segment(self, start: effects.StartSegment) -> None:
        """The job is the worker's when this returns, so that a cancel always finds it."""
        if self._over:
            return
        segment = start.segment
        job_id = next(self._studio.job_ids)
        job = SegmentJob(job_id, self._session_id, segment.request, start.state)
        if not start.again:
            for told in segment_begins(segment, start.state, self._opened.info):
                self._outlet.put(told)
        self._keeper.segment_begins(segment.index)
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
        video, mode = self._opened.video, self._session.encoder.mode
        name, told = f"{self._session_id}-{start.segment.index}", (self._step_done, self._shown)
        stream = SegmentStream(start, job, video, mode, name, self._outlet, self._studio, *told)
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
