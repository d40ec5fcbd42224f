"""What a `Session` wants done: values that the connection performs, in order."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from matinee.generation import SegmentRequest, State
from matinee.wire import server_messages as say


class CloseCode(enum.IntEnum):
    """Close codes of the wire contract."""

    NORMAL = 1000
    UNSUPPORTED = 1003
    POLICY = 1008
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013


@dataclass(frozen=True, slots=True)
class Send:
    message: say.ServerMessage


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that runs. `requested_at`: when the client asked, monotonic seconds."""

    index: int
    request: SegmentRequest
    source: str
    request_id: str | None
    requested_at: float


@dataclass(frozen=True, slots=True)
class StartSegment:
    segment: Segment
    state: State | None


@dataclass(frozen=True, slots=True)
class CancelSegment:
    pass


@dataclass(frozen=True, slots=True)
class AnswerSnapshot:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class KeepState:
    state: State


@dataclass(frozen=True, slots=True)
class End:
    """`tells_state`: the last state is sent before, because nobody can ask for it afterwards."""

    reason: say.EndReason
    code: CloseCode
    text: str
    tells_state: bool = False


Effect = Send | StartSegment | CancelSegment | AnswerSnapshot | KeepState | End
