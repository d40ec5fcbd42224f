"""The worker's loop: take commands, make one chunk of one job, hand its frames over, again.

Commands are also read after every denoising step, from inside the engine's step callback, so a
cancel takes effect within one step. Jobs of different sessions alternate at chunk edges, each
with its own `Run`; a job whose frames find no free slot waits while the others go on.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from matinee.errors import BadInput, GenerationCancelled, MatineeError, WorkerFailed
from matinee.generation import Chunk, StepProgress
from matinee.worker.backend import Backend, EngineLike, RunLike
from matinee.worker.messages import (
    Cancel,
    Cause,
    ChunkStarted,
    Command,
    Event,
    Generate,
    Ping,
    Pong,
    PromptsRead,
    ReadPrompts,
    ReleaseSlots,
    SegmentCancelled,
    SegmentDone,
    SegmentFailed,
    Shutdown,
    StepDone,
)
from matinee.worker.pipe import Reader, Writer
from matinee.worker.priorities import Priorities
from matinee.worker.ring import FrameRing, FreeSlots
from matinee.worker.work import Work

logger = logging.getLogger(__name__)

HAND_OVER_FRAMES = 8
"""Frames that are converted and announced together: the first ones leave early, and the cost of
an announcement (some 20 us) stays small beside that of its frames. A segment's first frame goes
alone: a viewer waits for it, and eight of 480p take the CPU 19 ms."""

TELL_LIFE_EVERY_S = 0.1
"""Parts of a model may be done thousands of times a second."""


class WorkerLeaves(BaseException):
    """Shutdown, or the API process is gone. Not an `Exception`: no engine may catch it."""


class DeviceLost(Exception):
    """The device is unusable until a new process opens it."""


class WorkerLoop:
    def __init__(
        self,
        engine: EngineLike,
        backend: Backend,
        ring: FrameRing,
        free: FreeSlots,
        commands: Reader[Command],
        events: Writer[Event],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._engine = engine
        self._backend = backend
        self._ring = ring
        self._free = free
        self._commands = commands
        self._events = events
        self._clock = clock
        self._scheduler = Priorities(clock)
        self._works: dict[int, Work] = {}
        self._computing: Work | None = None
        self._life_told = clock()

    def part_done(self) -> None:
        """The engine has done a part of a step or of a decode: a sign of life."""
        now = self._clock()
        if now - self._life_told >= TELL_LIFE_EVERY_S:
            self._life_told = now
            self._send(Pong())

    def run(self) -> None:
        """Until `Shutdown` or the end of the command pipe."""
        try:
            while True:
                self.turn()
        except WorkerLeaves:
            pass

    def turn(self) -> None:
        blocked = {job_id for job_id, work in self._works.items() if work.frames is not None}
        begun = (job_id for job_id, work in self._works.items() if work.more)
        job_id = next((job_id for job_id in begun if job_id not in blocked), None)
        if job_id is None:
            job_id = self._scheduler.pick(blocked)
            if job_id is not None and self._viewer_comes_before(job_id):
                job_id = None
        if job_id is None:
            self._read_command()
        else:
            self._advance(self._works[job_id])
        self._read_commands()

    def _viewer_comes_before(self, job_id: int) -> bool:
        courtesy_s = self._scheduler.courtesy_s(job_id)
        return courtesy_s > 0 and self._commands.poll(courtesy_s)

    # Commands

    def _read_commands(self) -> None:
        """All that have arrived."""
        while self._commands.poll():
            self._read_command()

    def _read_command(self) -> None:
        try:
            command = self._commands.receive()
        except (EOFError, OSError):
            raise WorkerLeaves from None
        self._obey(command)

    def _obey(self, command: Command) -> None:
        match command:
            case Generate(job):
                self._works[job.job_id] = Work(job)
                self._scheduler.add(job)
            case Cancel():
                self._cancel(command)
            case ReleaseSlots(slots):
                self._free.give_back(slots)
                self._hand_over_waiting()
            case Ping():
                self._send(Pong())
            case ReadPrompts(question_id, prompts):
                read = tuple(map(self._engine.characters_read, prompts))
                self._send(PromptsRead(question_id, read))
            case Shutdown():
                raise WorkerLeaves

    def _cancel(self, command: Cancel) -> None:
        work = self._works.get(command.job_id)
        if work is None:
            return
        work.cancelled, work.shown_before = True, command.shown_frames
        # Frames that are made are still handed over: the state goes on after them.
        if work.stops and work is not self._computing and work.frames is None:
            self._end_cancelled(work)

    # One chunk

    def _advance(self, work: Work) -> None:
        self._send(ChunkStarted(work.job.job_id))
        self._computing = work
        with self._failures_of(work):
            chunk = self._next_chunk(work)
            work.frames, work.audio, work.more = chunk.frames, chunk.audio, chunk.more
        self._computing = None
        self._hand_over_waiting()

    def _next_chunk(self, work: Work) -> Chunk:
        before_s, resumed = work.compute_s, self._clock()

        def on_step(progress: StepProgress) -> None:
            nonlocal resumed
            work.compute_s += self._clock() - resumed
            self._after_step(work, progress)
            resumed = self._clock()

        try:
            if work.run is None:
                work.run = self._engine.begin(work.job.request, work.job.state)
            return work.run.next_chunk(on_step)
        finally:
            work.compute_s += self._clock() - resumed
            # A chunk that fails or is cancelled is charged too: it took its time from the others.
            self._scheduler.charge(work.job.job_id, work.compute_s - before_s)

    def _after_step(self, work: Work, progress: StepProgress) -> None:
        work.steps_done = progress.step
        self._send(
            StepDone(
                work.job.job_id,
                progress.step,
                progress.total_steps,
                progress.stage,
                work.compute_s * 1000,
            )
        )
        self._read_commands()
        if work.stops:
            raise GenerationCancelled(work.steps_done)

    @contextlib.contextmanager
    def _failures_of(self, work: Work) -> Iterator[None]:
        """The root of a job: whatever it raises ends it, and the others go on."""
        try:
            yield
        except GenerationCancelled:
            self._end_cancelled(work)
        except Exception as error:  # noqa: BLE001
            self._fail(work, error)

    def _fail(self, work: Work, error: Exception) -> None:
        job_id = work.job.job_id
        if isinstance(error, BadInput):
            self._end(work, SegmentFailed(job_id, str(error), Cause.REQUEST, error.param))
            return
        ours = isinstance(error, MatineeError)  # says what it is; a traceback would hide it
        logger.error("job %s failed: %s", job_id, error, exc_info=None if ours else error)
        if not self._backend.recover(error):
            raise DeviceLost(str(error)) from error
        cause = Cause.NO_WORKER if isinstance(error, WorkerFailed) else Cause.SEGMENT
        self._end(work, SegmentFailed(job_id, failure_message(error), cause))

    # Frames

    def _hand_over_waiting(self) -> None:
        for work in list(self._works.values()):
            if work.frames is not None:
                with self._failures_of(work):
                    self._hand_over(work)

    def _hand_over(self, work: Work) -> None:
        """As many frames as there are slots for, and the end after the last frame."""
        request = work.job.request
        while work.frames is not None:
            wanted = min(len(work.frames), HAND_OVER_FRAMES if work.handed_over else 1)
            slots = self._free.take(work.job.session_id, wanted)
            if wanted and not slots:
                return
            pictures = [self._ring.picture(s, request.width, request.height) for s in slots]
            self._backend.rgb_to_i420(work.frames[: len(slots)], pictures)
            self._send(work.hand_over(work.frames, slots))
        if work.stops:
            self._end_cancelled(work)
        elif work.run is not None and work.run.finished:
            self._finish(work, work.run)

    def _finish(self, work: Work, run: RunLike) -> None:
        job_id, compute_ms = work.job.job_id, work.compute_s * 1000
        self._end(work, SegmentDone(job_id, run.state(), work.handed_over, compute_ms))

    def _end_cancelled(self, work: Work) -> None:
        """With the state of what was handed over, if anything was."""
        state = work.run.state() if work.run is not None and work.handed_over else None
        self._end(work, SegmentCancelled(work.job.job_id, work.steps_done, state))

    def _end(self, work: Work, event: Event) -> None:
        del self._works[work.job.job_id]
        self._scheduler.remove(work.job.job_id)
        self._send(event)

    def _send(self, event: Event) -> None:
        try:
            self._events.send(event)
        except OSError:
            raise WorkerLeaves from None


def failure_message(error: Exception) -> str:
    """A sentence for people: of errors that are not ours only the kind, never the text."""
    if isinstance(error, MatineeError):
        return str(error)
    # By name, because this module must not import torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "not enough memory for this segment: ask for fewer frames or a smaller picture"
    return f"the model failed on this segment ({type(error).__name__}); see the worker's log"
