"""What a session needs to be moved to another backend without its viewer noticing. Pure.

Its id and token, how far its video went and how many segments it was told of: the new backend
makes the rest from the stored record. And what the client said lately, as it came: the record may
not have heard all of it, so it is said again.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from typing import Any

from websockets.frames import Frame, Opcode

PEEK_BYTES = 2048
"""Of each of a backend's messages; all that is looked for is shorter."""
SAID_BYTES = 64 * 1024
MOST_SAID = 256
VIDEO_TRACK = 1

_BINARY = Opcode.BINARY  # to look it up takes as long as all else that is seen of a fragment
_ASSIGNED = b'{"type":"gpu_assigned"'
_INIT = b"ftyp"
_COMPLETE = b'{"type":"ltx2_stream_complete"'
_SEGMENT = re.compile(rb'\{"type":"(\w{1,40})","segment_idx":(\d{1,9})')
_ANSWER = re.compile(
    rb'\{"type":"(?:error|segment_cancelled|continuation_state_snapshot|seed_prompts_rewritten)'
    rb'","answers":(\d{1,9})'
)
_BEGIN, _VIDEO_END, _END, _CANCELLED = (
    b"ltx2_segment_start",
    b"media_segment_complete",
    b"ltx2_segment_complete",
    b"segment_cancelled",
)
_FRAGMENT = struct.Struct(">4x4s4x4s12x4s4x4s4xI4x4s4xQ4x4s4xI4xI")
"""The boxes' names, the track, the time, the count and duration of frames."""
_NAMES = (b"moof", b"mfhd", b"traf", b"tfhd", b"tfdt", b"trun")


class Journal:
    """Of one viewer's session. `frames`: of the timeline, up to the last one forwarded. `over`: the
    viewer was told that the stream has ended."""

    __slots__ = (
        "_answered", "_began", "_dropped", "_part", "_part_is_long", "_said", "_segments",
        "_strange", "frames", "over", "session_id", "token",
    )  # fmt: skip

    def __init__(self) -> None:
        self.session_id = self.token = ""
        self.frames = 0
        self._segments = {_BEGIN: -1, _VIDEO_END: -1, _END: -1}
        """The last one of which each was told."""
        self.over = self._strange = False
        self._said: list[bytes] = []
        self._answered: frozenset[int] = frozenset()
        """Numbers of what was said and answered: it is not asked again."""
        self._dropped = 0
        self._part = b""
        self._part_is_long = False
        self._began = False

    @property
    def movable(self) -> bool:
        """Whether a backend told how, and all that it sent was understood."""
        return bool(self.session_id and self.token) and not self._strange and not self.over

    @property
    def told(self) -> int:
        """Segments whose begin the viewer was told."""
        return self._segments[_BEGIN] + 1

    def was_told(self, opcode: Opcode, payload: bytes) -> bool:
        """Whether a message of a new backend, before anything new, is about what the viewer knows:
        the record may be older than the last words of the lost one. An init segment belongs to the
        `media_init` before it, which was about the same."""
        if opcode is not Opcode.TEXT:
            return payload[4:8] == _INIT
        found = _SEGMENT.match(payload)
        if found is None:
            return False
        index = int(found[2])
        return index <= self._segments[_END] or (
            found[1] == _VIDEO_END and index <= self._segments[_VIDEO_END]
        )

    def goes_on(self, opcode: Opcode, payload: bytes) -> bool:
        """Whether a message that the viewer was not told yet carries the session on. Others, such
        as pings, notes, errors and the steps of a segment whose video it has, may stand before what
        the viewer knows."""
        if opcode is Opcode.TEXT:
            found = _SEGMENT.match(payload)
            return found is not None and int(found[2]) > self._segments[_VIDEO_END]
        return opcode in (Opcode.BINARY, Opcode.CONT)

    def hear(self, data: bytes, ends: Sequence[int]) -> None:
        """Bytes of the client, and where in them its messages end. The first message opened the
        session and is not needed again."""
        start = 0
        for end in ends:
            self._add(data[start:end])
            self._end_message()
            start = end
        self._add(data[start:])

    def see(self, opcode: Opcode, head: bytes) -> None:
        """The begin of a message that was forwarded to the viewer."""
        if opcode is _BINARY:
            self._see_video(head)
        elif head.startswith(_ASSIGNED):
            self._assign(head)
        elif head.startswith(_COMPLETE):
            self.over = True
        elif (answer := _ANSWER.match(head)) is not None:
            self._note_answer(int(answer[1]))
        elif (found := _SEGMENT.match(head)) is not None:
            kind = _END if found[1] == _CANCELLED else found[1]
            if kind in self._segments:
                self._segments[kind] = max(self._segments[kind], int(found[2]))

    def resume(self) -> bytes:
        """The first message to the new backend, as a client's frame."""
        resume = {
            "session_id": self.session_id,
            "token": self.token,
            "frames": self.frames,
            "told": self.told,
            "ended": self._segments[_END] + 1,
            "answered": sorted(self._answered),
        }
        text = json.dumps({"type": "session_init_v2", "resume": resume})
        return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)

    def after(self, heard: int) -> list[bytes]:
        """What was said after so many messages, and what has begun. Raises `ValueError` when that
        is not kept."""
        first = heard - self._dropped
        if first < 0 or self._part_is_long:
            raise ValueError("what the client said meanwhile is not kept")
        return [*self._said[first:], *([self._part] if self._part else [])]

    # Within

    def _add(self, data: bytes) -> None:
        if not self._began or self._part_is_long or not data:
            return
        self._part += data
        if len(self._part) > SAID_BYTES:
            self._part, self._part_is_long = b"", True

    def _end_message(self) -> None:
        if not self._began:
            self._began = True
            return
        part, long = self._part, self._part_is_long
        self._part, self._part_is_long = b"", False
        self._said.append(part)
        kept = 0 if long else MOST_SAID
        while len(self._said) > kept or sum(map(len, self._said)) > SAID_BYTES:
            del self._said[0]
            self._drop(1)

    def _drop(self, messages: int) -> None:
        self._dropped += messages
        self._answered = frozenset(one for one in self._answered if one > self._dropped)

    def _note_answer(self, number: int) -> None:
        """A backend may say what it likes: only of what is kept."""
        if self._dropped < number <= self._dropped + len(self._said):
            self._answered |= {number}

    def _assign(self, head: bytes) -> None:
        try:
            said: Any = json.loads(head)
            self.session_id, self.token = str(said["session_id"]), str(said["resume_token"])
            self._drop(int((said.get("resumed") or {"heard": 0})["heard"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            self._strange = True

    def _see_video(self, head: bytes) -> None:
        frames = frames_after(head)
        if frames is not None:
            self.frames = max(self.frames, frames)
        elif head[4:8] != _INIT:
            self._strange = True


def frames_after(fragment: bytes) -> int | None:
    """How many frames of the timeline there are with this fragment, told from its begin; 0 of one
    of sound alone, and None of what is no fragment of ours (`media/fmp4.py`)."""
    if len(fragment) < _FRAGMENT.size:
        return None
    moof, mfhd, traf, tfhd, track, tfdt, time, trun, count, duration = _FRAGMENT.unpack_from(
        fragment
    )
    if (moof, mfhd, traf, tfhd, tfdt, trun) != _NAMES:
        return None
    if track != VIDEO_TRACK:
        return 0
    return int(time) // int(duration) + int(count) if duration else None
