"""Where WebSocket frames begin and end in a stream of bytes: only their heads are read.

Pure. A splice forwards what it was given, so that a payload is neither unmasked nor copied; what
it needs to know is where a frame ends (only there may something else be said), how many frames
came, how long a message is, and what control frames say. RFC 6455, section 5.2.
"""

from __future__ import annotations

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


class Cut(NamedTuple):
    """`end`: where in the data the last frame ended that ended in it, 0 where none did. `counted`:
    frames that count for a client's budget. `ends`: where data messages ended. `heads`: of the
    messages whose first frame ended, the kind and the begin of the payload."""

    end: int
    counted: int
    ends: Sequence[int]
    controls: Sequence[Control]
    heads: Sequence[tuple[Opcode, bytes]]


_MIDST = Cut(0, 0, (), (), ())
"""Of bytes within a long frame, which most are."""
_OPCODE = {int(one): one for one in Opcode}


class Scanner:
    """`masked`: frames of a client are, those of a server are not. `message_bytes`: the longest
    message; 0 = any. `peek_bytes`: how long the heads of messages are; 0: there are none."""

    __slots__ = (
        "_head", "_in_message", "_left", "_mask", "_masked", "_message", "_most_message", "_opcode",
        "_payload", "_peek_bytes", "_peeked", "_whole", "frame_bytes",
    )  # fmt: skip

    def __init__(self, *, masked: bool, message_bytes: int = 0, peek_bytes: int = 0) -> None:
        self._peek_bytes = peek_bytes
        self._peeked = b""
        self._masked = masked
        self._most_message = message_bytes
        self._head = b""
        self._left = 0
        self._opcode = -1  # of the frame that is coming in; -1 between frames
        self._whole = False
        self._mask = b""
        self._payload: bytearray | None = None
        self._in_message = False
        self._message = 0
        self.frame_bytes = 0
        """Payload of the frame that is coming in."""

    @property
    def inside(self) -> bool:
        """A frame has begun and not ended."""
        return self._opcode >= 0 or bool(self._head)

    @property
    def between_messages(self) -> bool:
        """Another message may stand here."""
        return not self.inside and not self._in_message

    def feed(self, data: bytes, most: float = float("inf")) -> Cut:
        """The next bytes. Raises `Violation`, also when more than `most` frames count."""
        if self._left > len(data) and self._payload is None and not self._peeks:
            self._left -= len(data)
            return _MIDST
        position, end, counted = 0, 0, 0
        ends: list[int] = []
        controls: list[Control] = []
        heads: list[tuple[Opcode, bytes]] = []
        while position < len(data):
            if self._opcode < 0:
                position = self._take_head(data, position)
                if self._opcode < 0:
                    break
                counted += counts(continues=self._opcode == _CONTINUED, nbytes=self._left)
                if counted > most:
                    raise Violation(CloseCode.POLICY_VIOLATION, "too many frames")
            position = self._take_payload(data, position)
            if self._left:
                break
            end = position
            if self._end_frame(controls, heads):
                ends.append(end)
        return Cut(end, counted, ends, controls, heads)

    @property
    def _peeks(self) -> bool:
        """The begin of the message is still looked for."""
        return len(self._peeked) < self._peek_bytes

    def _take_payload(self, data: bytes, position: int) -> int:
        step = min(self._left, len(data) - position)
        if self._payload is not None:
            self._payload += data[position : position + step]
        elif (lacking := self._peek_bytes - len(self._peeked)) > 0:
            self._peeked += data[position : position + min(step, lacking)]
        self._left -= step
        return position + step

    def _end_frame(self, controls: list[Control], heads: list[tuple[Opcode, bytes]]) -> bool:
        """Whether it ended a message."""
        opcode, self._opcode = self._opcode, -1
        if self._payload is None:
            head, self._peeked = self._peeked, b""
            if opcode != _CONTINUED and self._peek_bytes:
                heads.append((_OPCODE[opcode], head))
            return self._whole
        payload, self._payload = bytes(self._payload), None
        controls.append(
            Control(_OPCODE[opcode], apply_mask(payload, self._mask) if self._masked else payload)
        )
        return False

    def _take_head(self, data: bytes, position: int) -> int:
        """Where the payload begins; the end of the data when the head goes on behind it."""
        begun = len(self._head)
        head = self._head + data[position : position + MOST_HEAD_BYTES - begun]
        size = _head_bytes(head)
        if len(head) < size:
            self._head = head
            return len(data)
        self._head = b""
        self._begin(head[0], head[1], head[2:size])
        return position + size - begun

    def _begin(self, first: int, second: int, rest: bytes) -> None:
        opcode, fin = first & 0x0F, bool(first & 0x80)
        if first & 0x70 or opcode not in _OPCODES or bool(second & 0x80) is not self._masked:
            raise Violation(CloseCode.PROTOCOL_ERROR, "not a valid frame")
        mask_bytes = 4 if self._masked else 0
        length = second & 0x7F
        if length > MOST_CONTROL_BYTES:
            length = int.from_bytes(rest[: len(rest) - mask_bytes])
        self._opcode, self._left, self.frame_bytes, self._whole = opcode, length, length, fin
        if opcode >= _CLOSE:
            if not fin or length > MOST_CONTROL_BYTES:
                raise Violation(CloseCode.PROTOCOL_ERROR, "a control frame is short and whole")
            self._payload, self._mask = bytearray(), rest[len(rest) - mask_bytes :]
        else:
            self._count(opcode, length, fin)

    def _count(self, opcode: int, length: int, fin: bool) -> None:
        if (opcode == _CONTINUED) is not self._in_message:
            raise Violation(CloseCode.PROTOCOL_ERROR, "the parts of a message are out of order")
        self._message = length + (self._message if self._in_message else 0)
        self._in_message = not fin
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
    size = _head_bytes(received)
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


def _head_bytes(head: bytes) -> int:
    """Of the whole head; at least what must be there to know that."""
    if len(head) < 2:
        return 2
    length = head[1] & 0x7F
    return 2 + {126: 2, 127: 8}.get(length, 0) + (4 if head[1] & 0x80 else 0)
