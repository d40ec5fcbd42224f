"""What goes over the pipe (`pipe.py`) between the API process and a worker process.

Commands go down, events come up; both are frozen and picklable. Frames are not in here: they lie
in the shared-memory ring (`ring.py`) and `FramesReady` carries the indices of their slots, and the
sound that belongs to them. A slot belongs to the reader from `FramesReady` until it sends
`ReleaseSlots`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from matinee.generation import ModelInfo, Pcm, SegmentRequest, State


@dataclass(frozen=True, slots=True, eq=False)
class SegmentJob:
    """One segment to make. `job_id` is unique over the life of the API process. `background`:
    nobody watches it, so that it waits for those that somebody watches; but for `share_percent` of
    the time, which background jobs have for themselves."""

    job_id: int
    session_id: str
    request: SegmentRequest
    state: State | None
    background: bool = False
    share_percent: int = 0


# Commands: API process -> worker


@dataclass(frozen=True, slots=True)
class Generate:
    job: SegmentJob


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the job at its next denoising step. Unknown jobs are ignored."""

    job_id: int
    shown_frames: int = 0
    """Frames that a process that died has handed over. The state goes on after them, so they are
    made again first."""


@dataclass(frozen=True, slots=True)
class ReleaseSlots:
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered with `Pong` at the next step or chunk edge: shows a hung worker."""


@dataclass(frozen=True, slots=True)
class ReadPrompts:
    """Answered with `PromptsRead`, as `Ping` is with `Pong`."""

    question_id: int
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Finish nothing, leave at the next step."""


Command = Generate | Cancel | ReleaseSlots | Ping | ReadPrompts | Shutdown


# Events: worker -> API process


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """Weights are loaded and, when asked for, the warm-up generation succeeded."""

    info: ModelInfo
    timings_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class WorkerUnusable:
    """Loading or warm-up failed; the worker leaves. `retryable` is False for missing weights."""

    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class ChunkStarted:
    """The worker computes this job now: if it dies before the next event, this job is to blame."""

    job_id: int


@dataclass(frozen=True, slots=True)
class StepDone:
    job_id: int
    step: int
    total_steps: int
    stage: str
    elapsed_ms: float
    """Compute time of the segment so far, waiting for other sessions left out."""


@dataclass(frozen=True, slots=True)
class FramesReady:
    """The segment's next frames, in order, each an I420 picture in its slot of the ring. A chunk
    is handed over in several of these, so that its first picture need not wait for its last."""

    job_id: int
    slots: tuple[int, ...]
    width: int
    height: int
    first_frame: int
    """Index of the first of them within the segment."""
    ends_chunk: bool
    """No frame follows soon. How many of these a chunk takes depends on how many slots are free,
    so fragments must not end where they do."""
    audio: Pcm | None = field(default=None, compare=False)
    """The sound of these very frames, so that whatever becomes of them becomes of it too. It is
    bounded as they are: by the slots of the ring."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentDone:
    job_id: int
    state: State
    frames: int
    compute_ms: float


@dataclass(frozen=True, slots=True)
class SegmentCancelled:
    """`state`: what the next segment goes on from, when there were whole chunks before the end."""

    job_id: int
    steps_done: int
    state: State | None = field(default=None, compare=False)


class Cause(Enum):
    """Why a segment failed; the session goes on in every case but the last."""

    REQUEST = "a field of the request is wrong"
    SEGMENT = "the model cannot make this one, or not with the memory there is"
    DEADLY = "a worker died of it"
    NO_WORKER = "no worker is left that could make any"


@dataclass(frozen=True, slots=True)
class SegmentFailed:
    """There is no state after it. `param`: the field that is wrong, of `Cause.REQUEST`."""

    job_id: int
    message: str
    cause: Cause
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class PromptsRead:
    """Of each prompt how many characters the model reads, from the first."""

    question_id: int
    characters: tuple[int, ...]


JobEvent = StepDone | FramesReady | SegmentDone | SegmentCancelled | SegmentFailed
Event = WorkerReady | WorkerUnusable | Pong | PromptsRead | ChunkStarted | JobEvent
