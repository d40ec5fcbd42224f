"""What a `Session` wants done: values that the connection performs, in order."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from matinee.generation import SegmentRequest, State
from matinee.prompt import AskedPrompt
from matinee.wire import server_messages as say
from matinee.wire.client_messages import PromptSource


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
    """A segment that runs. `requested_at`: when the client asked, monotonic seconds. `prompt_read`,
    `notes`, `trouble`: see `PreparedPrompt`."""

    index: int
    request: SegmentRequest
    source: PromptSource
    request_id: str | None
    requested_at: float
    prompt_read: int | None = None
    notes: tuple[str, ...] = ()
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What the viewer was given of a segment, so that it can be made again without that.

    `first_frame`: the segment's place on the session's timeline. `frames`: its first ones, which
    the viewer has. `keyframes`: those that became an IDR for a slow viewer, counted from the
    segment's start; the bytes after them depend on it. `first_fragment` and `fragments` count
    fragments as the other two count frames; so do the fragments themselves.
    """

    first_frame: int = 0
    frames: int = 0
    keyframes: tuple[int, ...] = ()
    first_fragment: int = 0
    fragments: int = 0

    def after(self, frames: int, keyframes: tuple[int, ...]) -> Shown:
        """One fragment later."""
        return replace(
            self, frames=self.frames + frames, keyframes=keyframes, fragments=self.fragments + 1
        )

    def ended(self) -> Shown:
        """Of the next segment, before its first fragment."""
        return Shown(
            first_frame=self.first_frame + self.frames,
            first_fragment=self.first_fragment + self.fragments,
        )

    def unsent(self) -> Shown:
        """The same segment as if none of it had been given; its keyframes stay where they were."""
        return replace(self, frames=0, fragments=0)


@dataclass(frozen=True, slots=True)
class PreparePrompt:
    """Answered by `prompt_ready` or `prompt_refused` with the same `turn_id`."""

    turn_id: int
    asked: AskedPrompt


@dataclass(frozen=True, slots=True)
class PrepareAhead:
    """What will most likely be asked next, so that it is ready by then; None: no longer that. It
    is no promise: `PreparePrompt` may come with something else."""

    asked: AskedPrompt | None


@dataclass(frozen=True, slots=True)
class RewritePrompt:
    """`answers`: the number of the client's message."""

    answers: int
    seed_prompt: str
    count: int


@dataclass(frozen=True, slots=True)
class CancelPrompt:
    """Nobody waits for the prompt that is being prepared any more."""


@dataclass(frozen=True, slots=True)
class StartSegment:
    """`again`: it had begun in an earlier life of the session, and the client was told so; `shown`
    is what the viewer has of it. `held`: frames of the timeline that the viewer has besides, from
    an earlier connection: they are made, count as shown, and are not sent."""

    segment: Segment
    state: State | None
    shown: Shown = Shown()
    again: bool = False
    held: int = 0

    @property
    def viewer_has_init(self) -> bool:
        """The segment's `media_init` came to it before the fragments that it has."""
        return self.shown.frames > 0 or (self.again and self.held > self.shown.first_frame)


@dataclass(frozen=True, slots=True)
class CancelSegment:
    pass


@dataclass(frozen=True, slots=True)
class AnswerSnapshot:
    """`answers`: the number of the client's message."""

    answers: int


@dataclass(frozen=True, slots=True, eq=False)
class KeepState:
    """None: the segment left none, but who goes on with the session must not make it again."""

    state: State | None


@dataclass(frozen=True, slots=True)
class HandOver:
    """Save the session, let go of it and close: another server goes on."""


@dataclass(frozen=True, slots=True)
class End:
    """`tells_state`: the last state is sent before, because nobody can ask for it afterwards.
    `silent`: nothing is said, because a router goes on elsewhere."""

    reason: say.EndReason
    code: CloseCode
    text: str
    tells_state: bool = False
    silent: bool = False


Effect = (
    Send
    | PreparePrompt
    | PrepareAhead
    | RewritePrompt
    | CancelPrompt
    | StartSegment
    | CancelSegment
    | AnswerSnapshot
    | KeepState
    | HandOver
    | End
)
