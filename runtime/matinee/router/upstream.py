"""The end of a splice at a backend: the handshake, then whole frames to the viewer.

A frame is forwarded when all of it is there, so that a viewer never has half of one when a backend
dies; one of more than `WHOLE_BYTES` is passed on as it comes, which bounds what is held. What comes
lies in a buffer of all connections until it is forwarded; only the begin of a frame is kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from websockets.client import ClientProtocol
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.uri import WebSocketURI

from matinee.router.frames import MOST_HEAD_BYTES, Control, Scanner, Violation, first_frame
from matinee.router.journal import PEEK_BYTES
from matinee.router.pouring import SHARED
from matinee_api.contracts.pod_http import HANDED_OVER
from matinee_api.plain_text import plain

if TYPE_CHECKING:
    from matinee.router.viewer import Viewer

WHOLE_BYTES = 2**20
HEAD_BYTES = 64 * 1024
UNSENT_BYTES = 64 * 1024
"""What may wait for a backend before nothing more is read from its viewer."""
_QUEUE_STATUS = b'{"type":"queue_status"'
_HAND_OVER = b'{"type":"session_hand_over"}'
_HANDED_OVER = Control(Opcode.CLOSE, Close(CloseCode.SERVICE_RESTART, HANDED_OVER).serialize())
_HANDED_OVER_BYTES = 2 + len(_HANDED_OVER.payload)


class NotTaken(Exception):
    """A backend took no session: it said 503 before the upgrade. Another one may."""


class NotReached(Exception):
    """It could not be reached, or what it said was no handshake."""


class Unwelcome(NotReached):
    """It is there, and answers that something is wrong with what was asked."""


class Upstream(asyncio.BufferedProtocol):
    """One connection to a backend. `opened`: ends when it has upgraded the connection."""

    __slots__ = (
        "_answer", "_careful", "_handshake", "_head", "_headers", "_held", "_scanner", "_to_say",
        "_viewer", "mid_frame", "opened", "received_bytes", "said_close", "transport",
    )  # fmt: skip

    def __init__(self, uri: WebSocketURI, headers: Mapping[str, str]) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self.said_close = False
        self.received_bytes = 0
        self._handshake: ClientProtocol | None = ClientProtocol(uri, max_size=None)
        self._headers = headers
        self._head = bytearray()
        self._scanner = Scanner(masked=False, peek_bytes=PEEK_BYTES)
        self._answer: asyncio.Future[bytes] | None = None
        self._careful = False
        """It took a session over, and has said nothing that is new so far."""
        self._viewer: Viewer | None = None
        self._held = bytearray()
        self.mid_frame = False
        """The viewer has a part of a frame."""
        self._to_say: bytes | None = None

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=UNSENT_BYTES)
        assert self._handshake is not None  # noqa: S101 - it is there until it is answered
        request = self._handshake.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._headers = {}
        self._handshake.send_request(request)
        self.transport.write(b"".join(self._handshake.data_to_send()))

    def get_buffer(self, sizehint: int) -> memoryview:
        return SHARED

    def buffer_updated(self, nbytes: int) -> None:
        data = SHARED[:nbytes]
        if self._handshake is not None:
            self._take_head(data)
        elif self._viewer is None:
            self._head += data
            self._look()
        elif self._careful:
            self._head += data
            self._take_care(self._viewer)
        else:
            self._take(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(NotReached("it ended the connection"))
        elif self._viewer is not None:
            self._viewer.backend_lost()
        elif self._answer is not None and not self._answer.done():
            self._answer.set_exception(NotReached("it ended the connection"))
        self._viewer = None

    def pause_writing(self) -> None:
        if self._viewer is not None:
            self._viewer.hold_back()

    def resume_writing(self) -> None:
        if self._viewer is not None:
            self._viewer.go_on_reading()

    # From the viewer

    def splice(self, viewer: Viewer, said: list[bytes]) -> None:
        """From now on the two talk to each other. `said`: what the viewer said before."""
        self._viewer = viewer
        self.transport.writelines(said)
        if self.transport.get_write_buffer_size() <= UNSENT_BYTES:
            viewer.go_on_reading()
        self._careful = self._answer is not None
        self._take_care(viewer)
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def say(self, data: bytes, *, ends: bool) -> None:
        """Frames of the viewer. `ends`: a message does with them."""
        self.transport.write(data)
        self._say_own(ends=ends)

    def ask_hand_over(self, *, now: bool) -> None:
        """For the session, at its next edge. `now`: the viewer is not in the midst of a message."""
        self._to_say = Frame(Opcode.TEXT, _HAND_OVER).serialize(mask=True)
        self._say_own(ends=now)

    async def asked(self, request: bytes) -> bytes:
        """Before there is a viewer: its answer to this frame, the first message that is not about
        its queue. Raises `NotReached`."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        self._look()
        if not self.transport.is_closing():
            self.transport.resume_reading()
        return await self._answer

    @property
    def parted(self) -> bool:
        """The viewer has some of the frames of a message and not all."""
        return self._scanner.parted

    def beat(self, frame: bytes) -> None:
        """A message of our own to the viewer, where one may stand."""
        viewer = self._viewer
        if viewer is not None and self._scanner.between_messages and not viewer.journal.over:
            viewer.show([frame])

    def leave(self) -> None:
        """The viewer is gone."""
        self._viewer = None
        self.transport.abort()

    # Within

    def _say_own(self, *, ends: bool) -> None:
        if ends and self._to_say is not None and not self.transport.is_closing():
            self.transport.write(self._to_say)
            self._to_say = None

    def _take_head(self, data: memoryview) -> None:
        self._head += data
        head, found, early = self._head.partition(b"\r\n\r\n")
        if found:
            self._head = early
            self.transport.pause_reading()  # until there is a viewer
            self._answered(bytes(head + found))
        elif len(self._head) > HEAD_BYTES:
            self._fail(NotReached("its answer is too long"))

    def _answered(self, head: bytes) -> None:
        handshake, self._handshake = self._handshake, None
        assert handshake is not None  # noqa: S101 - it was asked by who calls
        status = head.split(b" ", 2)[1:2]
        if status == [b"503"]:
            self._fail(NotTaken("it takes no session now"))
        elif status == [b"401"]:
            self._fail(NotReached("it wants another token: see stream_token_file"))
        elif status != [b"101"]:
            refused = b"".join(status)[:3].decode("latin-1")
            kind = Unwelcome if refused.startswith("4") else NotReached
            self._fail(kind(f"it answered {refused}"))
        else:
            handshake.receive_data(head)
            handshake.parser.close()  # it holds itself in a circle, and kilobytes
            if handshake.handshake_exc is not None:
                self._fail(NotReached("it speaks no WebSocket"))
            elif not self.opened.done():
                self.opened.set_result(None)

    def _look(self) -> None:
        """For the answer among the frames that came."""
        answer = self._answer
        while answer is not None and not answer.done():
            found = first_frame(bytes(self._head[: HEAD_BYTES + MOST_HEAD_BYTES]))
            if found is None:
                break
            opcode, payload, size = found
            del self._head[:size]
            if opcode == Opcode.CLOSE:
                answer.set_exception(NotReached("it closed the session"))
            elif opcode == Opcode.TEXT and not payload.startswith(_QUEUE_STATUS):
                answer.set_result(payload)
        if answer is not None and answer.done():
            self.transport.pause_reading()  # until there is a viewer
        elif len(self._head) > HEAD_BYTES:
            self.transport.abort()

    def _take_care(self, viewer: Viewer) -> None:
        """What the viewer was told already is left out."""
        while self._careful and (found := first_frame(bytes(self._head))) is not None:
            opcode, payload, size = found
            frame, self._head = bytes(self._head[:size]), self._head[size:]
            if not viewer.journal.was_told(opcode, payload):
                self._careful = not viewer.journal.goes_on(opcode, payload)
                self._take(frame)
        if self._careful and len(self._head) <= HEAD_BYTES:
            return
        self._careful = False
        early, self._head = bytes(self._head), bytearray()
        if early:
            self._take(early)

    def _fail(self, error: Exception) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
        self.transport.abort()

    def _take(self, data: bytes | memoryview) -> None:
        size = len(data)
        self.received_bytes += size
        try:
            end, _, _, controls, heads = self._scanner.feed(data)
        except Violation:
            self.transport.abort()
            return
        if self._viewer is not None:
            for opcode, head in heads:
                self._viewer.journal.see(opcode, head)
        if controls and self._ends(controls):
            self._let_go(data[:end])
            return
        if end:
            self._forward(data[:end] if end < size else data)
            self.mid_frame = False
        if end < size:
            if self._scanner.frame_bytes > WHOLE_BYTES:
                self.mid_frame = True
                self._forward(data[end:])
            else:
                self._held += data[end:]

    def _ends(self, controls: Sequence[Control]) -> bool:
        """Whether the backend hands the session over."""
        self.said_close = self.said_close or any(one.opcode is Opcode.CLOSE for one in controls)
        return _HANDED_OVER in controls

    def _let_go(self, last: bytes | memoryview) -> None:
        """The backend's close frame, the last one, is not for the viewer."""
        self._held += last
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            viewer.show([self._held[:-_HANDED_OVER_BYTES]])
            viewer.backend_lost(let_go=True)
        self.transport.abort()

    def _forward(self, last: bytes | memoryview) -> None:
        if self._viewer is not None:
            self._viewer.show([self._held, last] if self._held else [last])
        self._held.clear()


def heard_by(answer: bytes) -> int:
    """How many messages of the client a resumed session has heard. Raises `NotReached`."""
    try:
        said = json.loads(answer)
        if said["type"] == "session_migrated":
            return int(said["resumed"]["heard"])
        raise NotReached(f"it answered {plain(str(said.get('message', said['type'])), 200)}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotReached("its answer makes no sense") from error
