"""What the sessions of one server make their video with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from matinee.prompt import PlainPrompt, Preparer, Writer
from matinee.serving.admission import Visit
from matinee.serving.byte_budget import ByteBudget
from matinee.serving.pace import Pace
from matinee.session.baggage import Unpacker
from matinee.session.clock import Clock, LoopClock
from matinee.session.metrics import Metrics
from matinee.session.opened import Identity
from matinee.session.session_log import SessionLogs
from matinee.session.states import StateStorage
from matinee.session.video_opener import VideoOpener
from matinee.worker.pool import WorkerPool

WRONG_TOKENS, WRONG_TOKEN_S = 10, 6.0
"""So many wrong tokens of a session an address may send at once, then one every so many seconds."""


class LiveSession(Protocol):
    """A session that runs here, to whoever comes to resume it."""

    @property
    def identity(self) -> Identity: ...

    async def hand_over(self, take: Callable[[Visit], None]) -> None:
        """Save it as it is, let `take` have its slot, end it, and wait until nothing works for it
        any more."""
        ...


@contextmanager
def here(live: dict[str, LiveSession], session: LiveSession) -> Iterator[None]:
    """It is found in `live`."""
    session_id = session.identity.session_id
    live[session_id] = session
    try:
        yield
    finally:
        if live.get(session_id) is session:
            del live[session_id]


@dataclass(frozen=True, slots=True)
class Studio:
    """`name`: what clients are told of this process. `encoders`: threads that encode. `videos`:
    opens a session's encoder in one of them. `unpacker`: decodes what viewers bring along.
    `unseated`: bounds what those without a slot hold. `live`: the sessions that run here, by id.
    `wrong_tokens`: of sessions, by address and session. `writer`: of other prompts, where clients
    may have such."""

    name: str
    pool: WorkerPool
    states: StateStorage
    logs: SessionLogs
    metrics: Metrics
    encoders: Executor
    videos: VideoOpener
    unpacker: Unpacker
    unseated: ByteBudget
    live: dict[str, LiveSession] = field(default_factory=dict)
    wrong_tokens: Pace[tuple[str, str]] = field(
        default_factory=lambda: Pace(WRONG_TOKENS, WRONG_TOKEN_S)
    )
    preparer: Preparer = field(default_factory=PlainPrompt)
    writer: Writer | None = None
    prepare_timeout_s: float = 30.0
    """How long a prompt may be in preparation; its session makes nothing meanwhile."""
    clock: Clock = field(default_factory=LoopClock)
    job_ids: Iterator[int] = field(default_factory=count)

    async def close(self) -> None:
        """Connections to what is elsewhere."""
        await self.states.store.close()
        if self.writer is not None:
            await self.writer.close()
