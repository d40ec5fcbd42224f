"""What the server says on `/v1/stream` (docs/protocol.md): one frozen value per message.

`as_json` gives the text; fields that are None are left out, as FastVideo does. `frame` gives what
goes to the socket: the text, or its parts when it is long.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypedDict

from matinee.wire.long_json import parts_of

EndReason = Literal["segment_cap", "stop_requested", "error", "timeout", "drained"]
ErrorCode = Literal[
    "session_rejected",
    "invalid_message",
    "preset_mismatch",
    "prompt_blocked",
    "gpu_unavailable",
    "worker_failed",
    "upstream_timeout",
    "internal_error",
    "session_taken_over",
]

TextFrame = str | tuple[bytes, ...]
"""A tuple is one message in parts (`long_json`)."""


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """Base of all: knows how to write itself."""

    type: ClassVar[str]

    def as_json(self) -> str:
        fields = {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) is not None
        }
        return json.dumps({"type": self.type, **fields}, ensure_ascii=False, separators=(",", ":"))

    def frame(self) -> TextFrame:
        return self.as_json()


@dataclass(frozen=True, slots=True)
class Answer(ServerMessage):
    """To a message of the client: `answers` is its number, counted from 1 after the session's first
    message. It comes before all other fields, where a router finds it."""

    answers: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class QueueStatus(ServerMessage):
    """`position` 0 is next; `queue_depth` counts everyone who waits. `queue_token`: of a router, to
    have the place back after the connection was lost."""

    type = "queue_status"
    position: int
    queue_depth: int
    eta_seconds: float | None = None
    queue_token: str | None = None


class Resumed(TypedDict):
    """Where a session goes on. `frames`: of its video that come before what is sent next.
    `requests`: the ids of those that the server still has, in order. `heard`: messages of the
    client, after the first one of the session, that led to it; what came later is forgotten."""

    segment_idx: int
    frames: int
    requests: list[str]
    heard: int


class ForkedFrom(TypedDict):
    """`pts_ms`: where the branch leaves the other session's timeline."""

    session: str
    segment: int
    pts_ms: float


@dataclass(frozen=True, slots=True)
class GpuAssigned(ServerMessage):
    type = "gpu_assigned"
    gpu_id: int
    session_timeout: int
    model_id: str
    session_id: str
    resume_token: str
    worker: str
    state: Literal["exact", "approx"] | None = None
    """How true what a resumed or forked session goes on from is to what it was."""
    resumed: Resumed | None = None
    forked_from: ForkedFrom | None = None
    notes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class StreamStart(ServerMessage):
    type = "ltx2_stream_start"
    preset: str | None
    width: int
    height: int
    fps: int
    num_frames: int
    mime: str


@dataclass(frozen=True, slots=True)
class SegmentStart(ServerMessage):
    type = "ltx2_segment_start"
    segment_idx: int
    prompt: str
    total_steps: int
    source: str
    seed: int
    request_id: str | None = None
    prompt_truncated: int | None = None
    """Characters that the model reads, where these are not all."""
    notes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class StepComplete(ServerMessage):
    type = "step_complete"
    segment_idx: int
    step: int
    total_steps: int
    stage: str
    elapsed_ms: float
    eta_ms: float


@dataclass(frozen=True, slots=True)
class MediaInit(ServerMessage):
    type = "media_init"
    segment_idx: int
    stream_id: str
    mime: str
    mode: str
    timescale: int | None


@dataclass(frozen=True, slots=True)
class MediaSegmentComplete(ServerMessage):
    type = "media_segment_complete"
    segment_idx: int
    stream_id: str
    chunks: int
    duration_ms: float
    pts_base_ms: float
    bytes: int
    frames: int


@dataclass(frozen=True, slots=True)
class SegmentComplete(ServerMessage):
    type = "ltx2_segment_complete"
    segment_idx: int
    generation_time_ms: float
    e2e_latency_ms: float
    first_fragment_ms: float | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentCancelled(Answer):
    """`answers`: only where the request was still waiting."""

    type = "segment_cancelled"
    segment_idx: int
    steps_done: int
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class SeedPromptsRewritten(Answer):
    """`alternatives`: fewer than were asked for, where there were no more."""

    type = "seed_prompts_rewritten"
    seed_prompt: str
    alternatives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContinuationSnapshot(ServerMessage):
    """Megabytes, so its text is made in a thread beforehand, by `of`."""

    type = "continuation_state_snapshot"
    parts: tuple[bytes, ...]

    @classmethod
    def of(cls, state: dict[str, Any], answers: int | None = None) -> ContinuationSnapshot:
        answer = {} if answers is None else {"answers": answers}
        return cls(parts_of({"type": cls.type, **answer, "state": state}))

    def as_json(self) -> str:
        return b"".join(self.parts).decode("ascii")

    def frame(self) -> TextFrame:
        return self.parts


@dataclass(frozen=True, slots=True)
class SessionTimeout(ServerMessage):
    type = "session_timeout"
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class SessionMigrated(ServerMessage):
    """`gap_ms`: how long the video stood still for it. `resumed`: to a router that moved it."""

    type = "session_migrated"
    session_id: str
    gap_ms: float
    resumed: Resumed | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat(ServerMessage):
    """Of a router, to clients that asked for it: there is one every so many seconds."""

    type = "heartbeat"
    seconds: float


@dataclass(frozen=True, slots=True)
class ViewerLagging(ServerMessage):
    type = "viewer_lagging"
    skipped_ms: float


@dataclass(frozen=True, slots=True)
class Draining(ServerMessage):
    type = "draining"
    deadline_seconds: float


@dataclass(frozen=True, slots=True)
class StreamComplete(ServerMessage):
    """The last JSON frame of every session that was begun."""

    type = "ltx2_stream_complete"
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Error(Answer):
    """`message` is for people and holds no internals. `answers`: only where it is to a message."""

    type = "error"
    code: ErrorCode
    message: str
    retryable: bool = False
    request_id: str | None = None
    param: str | None = None
    retry_after_seconds: float | None = None
