"""The jobs of one worker and the slots its readers hold, whichever process serves them.

Commands leave through the `send` of the process that lives now, events enter through `take`.
When a process dies, its jobs stay here and are sent, unchanged, to the next one: generation is
deterministic, so each `JobHandle` only leaves out the frames that it has delivered. The job that
was being computed is suspected. It fails at once when the process hung or crashed by itself; when
it was killed from outside (by a person, or for want of memory), it is retried once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from matinee.media.i420 import I420Picture
from matinee.worker.job import Ended, JobHandle
from matinee.worker.messages import (
    Cancel,
    Cause,
    ChunkStarted,
    Command,
    FramesReady,
    Generate,
    JobEvent,
    ReleaseSlots,
    SegmentCancelled,
    SegmentDone,
    SegmentFailed,
    SegmentJob,
    StepDone,
)
from matinee.worker.quarantine import Quarantine
from matinee.worker.ring import FrameRing

MOST_DEATHS = 2


class Death(Enum):
    """How a process ended, as far as its job may be to blame."""

    BY_ITSELF = "it hung or crashed"
    FROM_OUTSIDE = "it was killed; by whom, nobody can tell"


@dataclass(slots=True)
class WorkerCounters:
    """They only grow. Work that was lost with a process counts: it was done."""

    restarts: int = 0
    steps: int = 0
    frames: int = 0
    compute_s: float = 0.0


class JobTable:
    """`quarantine` knows the requests of which workers died. `clock`: monotonic seconds."""

    def __init__(self, ring: FrameRing, quarantine: Quarantine, clock: Callable[[], float]) -> None:
        self.counters = WorkerCounters()
        self._ring = ring
        self._quarantine = quarantine
        self._clock = clock
        self._held: set[int] = set()
        self._jobs: dict[int, JobHandle] = {}
        self._computing: int | None = None
        self._computed_ms: dict[int, float] = {}
        self._send: Callable[[Command], None] | None = None
        self._ready = False

    def __len__(self) -> int:
        return len(self._jobs)

    def submit(self, job: SegmentJob) -> JobHandle:
        handle = JobHandle(job, self)
        self._jobs[job.job_id] = handle
        if not self._refused(handle):
            self._tell_when_ready(Generate(job))
        return handle

    # The readers' side: `job.JobOwner`

    def picture(self, slot: int, width: int, height: int) -> I420Picture:
        return self._ring.picture(slot, width, height)

    def release(self, slots: Iterable[int]) -> None:
        """Raises KeyError for a slot that is not held: it may already show another picture."""
        released = tuple(slots)
        for slot in released:
            self._held.remove(slot)
        if self._send is not None and released:
            self._send(ReleaseSlots(released))

    def cancel(self, handle: JobHandle) -> None:
        if self._ready:
            self._tell_when_ready(_cancel(handle))
        else:
            self._end_unless_shown(handle)

    # The process's side

    def free_slots(self) -> tuple[int, ...]:
        """Those that a new process may fill: no reader holds them."""
        return tuple(slot for slot in range(self._ring.slots) if slot not in self._held)

    def process_started(self, send: Callable[[Command], None]) -> None:
        self._send = send

    def process_ready(self) -> None:
        self._ready = True
        for handle in list(self._jobs.values()):
            if self._refused(handle):
                continue
            self._tell_when_ready(Generate(handle.job))
            if handle.cancelled:
                self._tell_when_ready(_cancel(handle))

    def process_died(self, how: Death) -> bool:
        """Whether it computed a job, which is to blame."""
        self._send, self._ready = None, False
        self._computed_ms.clear()
        suspect = None if self._computing is None else self._jobs[self._computing]
        self._computing = None
        if suspect is not None:  # first, because one who sends it and leaves is to blame too
            self._suspect(suspect, how)
        for handle in list(self._jobs.values()):
            if handle.cancelled:
                self._end_unless_shown(handle)
        return suspect is not None

    def _suspect(self, handle: JobHandle, how: Death) -> None:
        handle.worker_deaths += 1
        surely = how is Death.BY_ITSELF or handle.worker_deaths == MOST_DEATHS
        if self._quarantine.died(handle.job.request, self._clock(), surely=surely):
            self._fail(handle, "the worker died while it made this segment", Cause.DEADLY)

    def give_up(self, message: str) -> None:
        """No process will come."""
        self._send, self._ready = None, False
        for handle in list(self._jobs.values()):
            self._fail(handle, message, Cause.NO_WORKER)

    def take(self, event: JobEvent | ChunkStarted) -> None:
        match event:
            case ChunkStarted(job_id):
                self._computing = job_id
            case StepDone():
                self.counters.steps += 1
                self._count_compute(event.job_id, event.elapsed_ms)
                self._jobs[event.job_id].accept(event)
            case FramesReady():
                self.counters.frames += len(event.slots)
                self._held.update(event.slots)
                self._computed(event.job_id)
                if event.first_frame == 0:
                    self._quarantine.made(self._jobs[event.job_id].job.request)
                self._jobs[event.job_id].accept(event)
            case SegmentDone():
                self._count_compute(event.job_id, event.compute_ms)
                self._end(event)
            case SegmentCancelled() | SegmentFailed():
                self._end(event)

    def _computed(self, job_id: int) -> None:
        if self._computing == job_id:
            self._computing = None

    def _count_compute(self, job_id: int, total_ms: float) -> None:
        self.counters.compute_s += (total_ms - self._computed_ms.get(job_id, 0.0)) / 1000
        self._computed_ms[job_id] = total_ms

    def _tell_when_ready(self, command: Command) -> None:
        if self._ready and self._send is not None:
            self._send(command)

    def _end_unless_shown(self, handle: JobHandle) -> None:
        """Of a cancelled job without a process. What was shown of it is made again by the next one:
        only with the state after it can the video go on without a jump."""
        if not handle.shown_frames:
            self._end(SegmentCancelled(handle.job.job_id, steps_done=0))

    def _refused(self, handle: JobHandle) -> bool:
        """A worker died of such a request since; what was asked for before is no exception."""
        message = self._quarantine.refusal(handle.job.request, self._clock())
        if message is not None:
            self._fail(handle, message, Cause.SEGMENT)
        return message is not None

    def _fail(self, handle: JobHandle, message: str, cause: Cause) -> None:
        self._end(SegmentFailed(handle.job.job_id, message, cause))

    def _end(self, event: Ended) -> None:
        self._computed(event.job_id)
        self._computed_ms.pop(event.job_id, None)
        self._jobs.pop(event.job_id).accept(event)


def _cancel(handle: JobHandle) -> Cancel:
    return Cancel(handle.job.job_id, handle.shown_frames)
