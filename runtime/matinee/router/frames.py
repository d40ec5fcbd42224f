"""Where WebSocket frames begin and end in a stream of bytes: only their heads are read.

Pure. A splice forwards what it was given, so that a payload is neither unmasked nor copied; what
it needs to know is where a frame ends (only there may something else be said), how many frames
came, how long a message is, and what control frames say. RFC 6455, section 5.2.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from websockets.exceptions import ProtocolError
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.utils import apply_mask

from matinee.serving.frame_budget import counts

MOST_HEAD_BYTES = 14
MOST_CONTROL_BYTES = 125
_CONTINUED, _CLOSE = 0x0, 0x8
_OPCODES = frozenset({0x0, 0x1, 0x2, 0x8, 0x9, 0xA})
_FIN = _MASKED = 0x80
_LONG = 127
_LONGEST = struct.Struct(">BBQ")
"""A head whose length, should it be `_LONG`, has eight bytes; of two bytes they are the first."""
_FIRSTS = _OPCODES | {_FIN | one for one in _OPCODES}
"""What a frame may begin with: nobody agreed to an extension."""


class Violation(Exception):
    """The end of a connection: what its sender did wrong. `code`: of the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Control(NamedTuple):
    """A whole ping, pong or close; `payload` is unmasked."""

    opcode: Opcode
    payload: bytes


Head = tuple[Opcode, bytes]


class Cut(NamedTuple):
    """`end`: where in the data the last frame ended that ended in it, 0 where none did. `counted`:
    frames that count for a client's budget. `ends`: where data messages ended. `heads`: of the
    messages whose first frame ended, the kind and the begin of the payload."""

    end: int
    counted: int
    ends: Sequence[int]
    controls: Sequence[Control]
    heads: Sequence[Head]


_MIDST = Cut(0, 0, (), (), ())
"""Of bytes within a long frame, which most are."""
_OPCODE = {int(one): one for one in Opcode}
_HEAD_BYTES = tuple(
    2 + {126: 2, 127: 8}.get(second & 0x7F, 0) + (4 if second & 0x80 else 0)
    for second in range(256)
)
"""Of a frame's head, by its second byte."""


class Scanner:
    """`masked`: frames of a client are, those of a server are not. `message_bytes`: the longest
    message; 0 = any. `peek_bytes`: how long the heads of messages are; 0: there are none."""

    __slots__ = (
        "_head", "_in_message", "_kept", "_lacking", "_left", "_mask", "_masked", "_message",
        "_most_message", "_opcode", "_peek_bytes", "_whole", "frame_bytes", "parted",
    )  # fmt: skip

    def __init__(self, *, masked: bool, message_bytes: int = 0, peek_bytes: int = 0) -> None:
        self._masked = masked
        self._most_message = message_bytes
        self._peek_bytes = peek_bytes
        self._head = self._mask = b""
        self._opcode = -1  # of the frame that is coming in; -1 between frames
        self._left = 0
        self._kept, self._lacking = b"", 0
        """Of its payload: what is to be told, and how many bytes that still lacks."""
        self._whole = False
        """The message ends with it."""
        self._in_message = False
        self._message = 0
        self.frame_bytes = 0
        """Payload of the frame that is coming in, 0 before its head is there."""
        self.parted = False
        """More of the message belongs behind the last frame that was whole."""

    @property
    def inside(self) -> bool:
        """A frame has begun and not ended."""
        return self._opcode >= 0 or bool(self._head)

    @property
    def between_messages(self) -> bool:
        """Another message may stand here."""
        return not self.inside and not self._in_message

    def feed(self, data: bytes | memoryview, most: float = float("inf")) -> Cut:
        """The next bytes, of which none is kept. Raises `Violation`, also when more than `most`
        frames count."""
        size = len(data)
        if self._left > size and not self._lacking:
            self._left -= size
            return _MIDST
        position, end, counted = 0, 0, 0
        ends: list[int] = []
        controls: list[Control] = []
        heads: list[Head] = []
        while position < size:
            if self._opcode < 0:
                position = self._take_head(data, position)
                if self._opcode < 0:
                    break
                if self._masked:
                    counted = self._count(counted, most)
            if self._lacking:
                begun = len(self._kept)
                self._kept += data[position : position + self._lacking]
                self._lacking -= len(self._kept) - begun
            position += self._left
            if position > size:
                self._left = position - size
                break
            end = position
            self._end_frame(end, ends, controls, heads)
        return Cut(end, counted, ends, controls, heads)

    def _count(self, counted: int, most: float) -> int:
        counted += counts(continues=self._opcode == _CONTINUED, nbytes=self._left)
        if counted > most:
            raise Violation(CloseCode.POLICY_VIOLATION, "too many frames")
        return counted

    def _end_frame(
        self, end: int, ends: list[int], controls: list[Control], heads: list[Head]
    ) -> None:
        if self._whole:
            ends.append(end)
        opcode, kept = self._opcode, self._kept
        self._opcode, self._kept = -1, b""
        self._left = self.frame_bytes = 0
        if opcode >= _CLOSE:
            payload = apply_mask(kept, self._mask) if self._masked else kept
            controls.append(Control(_OPCODE[opcode], payload))
            return
        self.parted = not self._whole
        if self._peek_bytes and opcode != _CONTINUED:
            heads.append((_OPCODE[opcode], kept))

    def _take_head(self, data: bytes | memoryview, position: int) -> int:
        """Where the payload begins; the end of the data when the head goes on behind it."""
        head, at, begun = data, position, len(self._head)
        if begun or len(data) - position < MOST_HEAD_BYTES:
            head, at = self._head + data[position : position + MOST_HEAD_BYTES - begun], 0
            if len(head) < 2 or len(head) < _HEAD_BYTES[head[1]]:
                self._head = bytes(head)
                return len(data)
            self._head = b""
            head += bytes(MOST_HEAD_BYTES)
        first, second, length = _LONGEST.unpack_from(head, at)
        if first not in _FIRSTS or (second >= _MASKED) is not self._masked:
            raise Violation(CloseCode.PROTOCOL_ERROR, "not a valid frame")
        size: int = _HEAD_BYTES[second]
        short = second & 0x7F
        if short < _LONG:
            length = length >> 48 if short > MOST_CONTROL_BYTES else short
        if self._masked:
            self._mask = bytes(head[at + size - 4 : at + size])
        self._begin(first & 0x0F, length, first >= _FIN)
        return position + size - begun

    def _begin(self, opcode: int, length: int, fin: bool) -> None:
        self._opcode, self._left, self.frame_bytes = opcode, length, length
        if opcode >= _CLOSE:
            if not fin or length > MOST_CONTROL_BYTES:
                raise Violation(CloseCode.PROTOCOL_ERROR, "a control frame is short and whole")
            self._whole, self._lacking = False, length
            return
        if (opcode == _CONTINUED) is not self._in_message:
            raise Violation(CloseCode.PROTOCOL_ERROR, "the parts of a message are out of order")
        self._whole, self._in_message = fin, not fin
        if opcode == _CONTINUED:
            self._message += length
        else:
            self._message = length
            self._lacking = length if length < self._peek_bytes else self._peek_bytes
        if self._most_message and self._message > self._most_message:
            reason = f"a message may have {self._most_message} bytes"
            raise Violation(CloseCode.MESSAGE_TOO_BIG, reason)


def text_frame(text: str) -> bytes:
    """As a server sends it."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def pong_frame(payload: bytes) -> bytes:
    return Frame(Opcode.PONG, payload).serialize(mask=False)


def close_frame(code: int, reason: str = "") -> bytes:
    return Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=False)


def echoed_close(payload: bytes) -> bytes:
    """The answer to a close frame with this payload: its code, or what is wrong with it."""
    try:
        Close.parse(payload)
    except ProtocolError:
        return close_frame(CloseCode.PROTOCOL_ERROR)
    except UnicodeDecodeError:
        return close_frame(CloseCode.INVALID_DATA)
    return Frame(Opcode.CLOSE, payload[:2]).serialize(mask=False)


def first_message(received: bytes) -> bytes:
    """The payload of the first data message in what a client sent; empty while it is not whole."""
    parser = Protocol(Side.SERVER, state=State.OPEN, max_size=None)
    parser.receive_data(received)
    parser.parser.close()  # it holds itself in a circle, and kilobytes
    payload = b""
    for frame in parser.events_received():
        if isinstance(frame, Frame) and frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            payload += frame.data
            if frame.fin:
                return payload
    return b""


def first_frame(received: bytes) -> tuple[Opcode, bytes, int] | None:
    """Of what a server sent: kind, payload and size of its first frame; None while it is not
    whole."""
    size = _HEAD_BYTES[received[1]] if len(received) > 1 else 2
    if len(received) < size:
        return None
    length = received[1] & 0x7F
    if length > MOST_CONTROL_BYTES:
        length = int.from_bytes(received[2:size])
    if len(received) < size + length:
        return None
    kind = received[0] & 0x0F
    opcode = Opcode(kind) if kind in _OPCODES else Opcode.CLOSE  # what is none is its end
    return opcode, received[size : size + length], size + length
