"""What a stream sends becomes a file, lines about its progress, and facts for a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from matinee.client.server_text import Message, checked
from matinee.errors import BadInput, MatineeError
from matinee.media.video_output import Pieces

STREAM_FACTS = {
    "gpu_assigned": ("session_id", "model_id"),
    "ltx2_stream_start": ("width", "height", "fps"),
}
SEGMENT_FACTS = {
    "ltx2_segment_start": ("prompt", "seed", "notes"),
    "media_segment_complete": ("duration_ms", "frames", "bytes"),
    "ltx2_segment_complete": ("generation_time_ms", "e2e_latency_ms", "first_fragment_ms"),
}
GOES_ON = frozenset({"worker_failed", "upstream_timeout"})
"""Errors, if retryable, after which the server itself goes on, or closes with a reason."""

ENDINGS = {
    "segment_cap": "the server allows no more segments in one session; --save-state keeps where "
    "it ended, and --state goes on from there",
    "timeout": "the server waited too long for a message",
    "drained": "the server is shutting down",
    "stop_requested": "the server ended the session",
    "error": "the server had to give up",
}


class StreamFailed(MatineeError):
    """The server did not make all that was asked for; the message is its reason in words."""


class Progress(Protocol):
    """`show`: a line that the next one replaces; `line`: one that stays; `end`: nothing follows."""

    def show(self, text: str) -> None: ...
    def line(self, text: str) -> None: ...
    def end(self) -> None: ...


@dataclass(slots=True)
class Recording:
    """Takes in the stream's items: video goes to `file`, the rest becomes progress and facts.

    `state`: the last one that the server sent, asked for or because it was about to end.
    """

    file: Pieces
    prompts: list[str]
    progress: Progress
    facts: dict[str, Any] = field(default_factory=dict)
    segments: list[dict[str, Any]] = field(default_factory=list)
    fragments: int = 0
    state: Message | None = None
    _segment: dict[str, Any] = field(default_factory=dict)
    _init: bytes | None = None
    _init_next: bool = False
    _reason: str = ""

    @property
    def complete(self) -> bool:
        return len(self.segments) >= len(self.prompts)

    @property
    def has_sound(self) -> bool:
        return self._init is not None and b"mp4a" in self._init

    def take(self, item: Message | bytes) -> None:
        """Raises `StreamFailed`, `StreamBroken` and `CannotWrite`, and `BadInput` where the server
        refuses."""
        if isinstance(item, bytes):
            self._video(item)
        else:
            self._message(checked(item))

    def failure(self, close_reason: str | None) -> StreamFailed:
        """The server has closed before all was made."""
        return StreamFailed(self._reason or close_reason or "the connection was lost")

    def _video(self, data: bytes) -> None:
        """Keep the first init segment and every fragment."""
        if self._init_next:
            self._init_next = False
            if data == self._init:
                return
            if self._init is not None:
                raise StreamFailed("the server changed the video's format in the middle")
            self._init = data
        self.file.write(data)
        if data is not self._init:
            self.fragments += 1

    def _message(self, message: Message) -> None:
        self.facts |= _picked(message, STREAM_FACTS)
        self._segment |= _picked(message, SEGMENT_FACTS)
        match message["type"]:
            case "media_init":
                self._init_next = True
            case "ltx2_segment_complete":
                self._segment_complete()
            case "continuation_state_snapshot":
                self.state = message["state"]
            case "ltx2_stream_complete":
                self._reason = self._reason or _ending(message["reason"])
            case "error":
                self._error(message)
            case _:
                self._show(message)

    def _show(self, message: Message) -> None:
        match message["type"]:
            case "queue_status" if message["queue_depth"]:
                self.progress.show(f"queued, {message['position']} ahead of you")
            case "ltx2_segment_start":
                for note in message.get("notes") or ():
                    self.progress.line(f"{self._place}: {note}")
            case "step_complete":
                done, total = message["step"], message["total_steps"]
                self.progress.show(f"{self._place}: step {done} of {total}")
            case "viewer_lagging":
                self.progress.line(
                    f"{message['skipped_ms']:.0f} ms were skipped: the connection is slow"
                )

    @property
    def _place(self) -> str:
        return f"segment {len(self.segments) + 1} of {len(self.prompts)}"

    def _segment_complete(self) -> None:
        segment = self._segment
        if self.complete or "duration_ms" not in segment or "prompt" not in segment:
            raise StreamFailed("the server ended a segment that had not begun")
        seconds, spent = segment["duration_ms"] / 1000, segment["e2e_latency_ms"] / 1000
        self.progress.line(
            f"{self._place}: {seconds:.1f} s of video in {spent:.1f} s, seed {segment['seed']}: "
            f"{segment['prompt']}"
        )
        self.segments.append(segment)
        self._segment = {}

    def _error(self, message: Message) -> None:
        code, text = message["code"], message["message"]
        if code in GOES_ON and message.get("retryable", True):
            self._reason = text
            self.progress.line(text)
        elif code == "invalid_message":
            raise _as_told(message.get("param") or "", text)
        else:
            raise StreamFailed(text)


def _as_told(param: str, text: str) -> BadInput:
    """A server's sentence begins with the field's name, or says what is wrong by itself."""
    for joint in (": ", " "):
        name = f"{param}{joint}"
        if text.startswith(name):
            return BadInput(param, text.removeprefix(name), joint=joint)
    return BadInput(param, text, joint=None)


def _ending(reason: str) -> str:
    """In words; newer servers may know more reasons."""
    return ENDINGS.get(reason, f"the server ended the session: {reason}")


def _picked(message: Message, facts: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {name: message.get(name) for name in facts.get(message["type"], ())}
