"""What the sessions of one server make their video with."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import count

from matinee.prompt import PlainPrompt, Preparer
from matinee.serving.byte_budget import ByteBudget
from matinee.session.baggage import Unpacker
from matinee.session.clock import Clock, LoopClock
from matinee.session.metrics import Metrics
from matinee.session.session_log import SessionLogs
from matinee.session.states import StateStorage
from matinee.session.video_opener import VideoOpener
from matinee.worker.pool import WorkerPool


@dataclass(frozen=True, slots=True)
class Studio:
    """`name`: what clients are told of this process. `encoders`: threads that encode. `videos`:
    opens a session's encoder in one of them. `unpacker`: decodes what viewers bring along.
    `unseated`: bounds what those without a slot hold."""

    name: str
    pool: WorkerPool
    states: StateStorage
    logs: SessionLogs
    metrics: Metrics
    encoders: Executor
    videos: VideoOpener
    unpacker: Unpacker
    unseated: ByteBudget
    preparer: Preparer = field(default_factory=PlainPrompt)
    prepare_timeout_s: float = 30.0
    """How long a prompt may be in preparation; its session makes nothing meanwhile."""
    clock: Clock = field(default_factory=LoopClock)
    job_ids: Iterator[int] = field(default_factory=count)
