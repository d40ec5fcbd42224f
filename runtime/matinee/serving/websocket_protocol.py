"""WebSockets of strangers: uvicorn's sans-I/O protocol with budgets.

What is received is parsed in slices, in turn with everybody else, and no further than the
application reads. Too many frames end the connection with 1008; a client that answers no ping,
with 1011. Only the newest pong waits for a client that does not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from matinee.serving.frame_budget import counts, frame_budget, too_many
from matinee.serving.guests import Phase
from matinee.serving.lingering import Lingering

if TYPE_CHECKING:
    from matinee.serving.door import Door

SLICE_BYTES = 2048
"""At most 340 frames."""
LONG_SLICE_BYTES = 8192
"""Within a long message."""
UNREAD_BYTES = 16 * 1024
"""Past it nothing more is read from the socket."""
MESSAGE_S = 0.0001
PARSE_S_PER_BYTE = 4e-8
"""A message costs at least and at most: one of many short values takes longest."""
MOST_PARSE_S = 0.05

_KEEP = "matinee.websocket.keep"


def keeper(scope: Mapping[str, Any]) -> Callable[[int], None]:
    """For who still works on what a long message brought: how many bytes of it are there, so that
    others' messages wait; 0 when it is over. An ASGI extension; other servers count nothing."""
    extension = scope.get("extensions", {}).get(_KEEP)
    keep: Callable[[int], None] = extension["keep"] if extension else lambda _nbytes: None
    return keep


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection, from its handshake on."""

    def __init__(self, door: Door, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._door = door
        self._budget = frame_budget(door.limits.frames_per_second, door.clock())
        self._unread = bytearray()
        self._asked = False
        self._turned_away = False
        """It was answered while the application was to decide about it."""
        self._kept_bytes = 0
        self._fetched: Any = None
        self._last_pong = b""
        self._lingering: Lingering | None = None

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._guest = self._door.guest(transport)
        self._guest.enter(Phase.SILENT, self._door.clock())

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self.transport)
        self._unread.clear()
        if self.conn.close_rcvd is None:  # uvicorn would call it a close frame without a code
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)
        self._door.memory.leave(self)

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._lingering.discard()
            return
        self._unread += data
        self._parse_on()
        self._hold_back()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._guest.stuck_since = self._door.clock()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._guest.stuck_since = None
        if self._last_pong and not self._gone:
            self.transport.write(self._last_pong)
        self._last_pong = b""

    # From the application

    async def run_asgi(self) -> None:
        self.scope["extensions"][_KEEP] = {"keep": self._keep}
        await super().run_asgi()

    async def receive(self) -> Any:
        """A message that is not taken, because who waits for it was cancelled, is kept."""
        if self._fetched is None:
            self._door.memory.release(self, self._kept_bytes)
            self._fetched = await super().receive()
            self._hold_back()
        if self._fetched["type"] == "websocket.receive":
            self._guest.enter(Phase.STREAM, self._door.clock())
            await self._door.turns.turn(self._guest.account, _parse_s(self._fetched))
        message, self._fetched = self._fetched, None
        self._parse_on()
        return message

    async def send(self, message: Any) -> None:
        if self._turned_away:
            return
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # refused; else uvicorn logs a mistake of ours
        self._parse_on()  # after the handshake, and after our close frame

    # From the door

    def give_way(self) -> None:
        """Others wait for the memory that a slow message takes."""
        self._expel(1008, "a long message came too slowly while others waited")

    # From uvicorn

    def shutdown(self) -> None:
        self._turned_away = not self.handshake_complete
        super().shutdown()
        self.handshake_complete = True

    def handle_ping(self) -> None:
        pongs = self.conn.data_to_send()
        if self.writable.is_set() or self._gone:
            self.transport.write(b"".join(pongs))
        elif pongs:
            self._last_pong = pongs[-1]

    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        if self._unread or self.read_paused:  # the pong may lie there: it is we who are late
            self.pending_ping_payload = None
            self.schedule_ping()
            return
        seconds = self._door.limits.unresponsive_seconds
        self._expel(1011, f"client unresponsive for {seconds:g} s")

    def handle_parser_exception(self) -> None:
        """The parser has said why already."""
        close = self.conn.close_sent
        self._say_farewell(close.code if close else 1006, close.reason if close else "")

    # Within

    def _keep(self, nbytes: int) -> None:
        self._kept_bytes = nbytes
        self._door.memory.release(self, nbytes)

    @property
    def _gone(self) -> bool:
        return self.disconnected or self.close_sent or self.conn.state is not State.OPEN

    @property
    def _may_parse(self) -> bool:
        """Not what follows the handshake before it is answered, nor more than is taken."""
        if self._lingering is not None or not self._unread or self.transport.is_closing():
            return False
        if self.handshake_initiated and not self.handshake_complete:
            return False
        return self.close_sent or self.queue.empty()

    def _parse_on(self) -> None:
        if not self._asked and self._may_parse:
            self._asked = True
            self._door.turns.ask(self._guest.account, self._parse_slice)

    def _parse_slice(self) -> bool:
        self._asked = False
        if not self._may_parse:
            return False
        long = len(self.conn.reader.buffer) > LONG_SLICE_BYTES
        size = LONG_SLICE_BYTES if long else SLICE_BYTES
        if not self._door.memory.hold(self, self._kept_bytes + self._message_bytes + size):
            self._door.memory.wait(self, self._parse_on)
            return False
        self.conn.receive_data(bytes(self._unread[:size]))
        del self._unread[:size]
        self._handle_parsed()
        self._go_on_reading()
        self._asked = self._may_parse
        return self._asked

    def _handle_parsed(self) -> None:
        frames = [event for event in self.conn.events if isinstance(event, Frame)]
        if self.conn.parser_exc is not None:
            self.handle_parser_exception()
        elif self.conn.state is State.CONNECTING and self.conn.handshake_exc is not None:
            self._say_farewell(1006, "")  # its answer is made already
        elif not self._budget.spend(sum(map(_counts, frames)), self._door.clock()):
            self._expel(1008, too_many(self._door.limits.frames_per_second))
        else:
            self.handle_events()
            if not self.queue.empty():
                self._door.memory.arrived(self)
        for frame in frames:
            frame.data = b""  # the parser holds its last frame until the next one comes

    @property
    def _message_bytes(self) -> int:
        """Of the message that is coming in."""
        return len(self.conn.reader.buffer) + (self.conn.current_size or 0)

    def _hold_back(self) -> None:
        if len(self._unread) >= UNREAD_BYTES and not self.transport.is_closing():
            self.transport.pause_reading()

    def _go_on_reading(self) -> None:
        closed = self._lingering is not None or self.transport.is_closing()
        if not closed and not self.read_paused and len(self._unread) < UNREAD_BYTES:
            self.transport.resume_reading()

    def _expel(self, code: int, reason: str) -> None:
        self.conn.fail(code, reason)
        self._say_farewell(code, reason)

    def _say_farewell(self, code: int, reason: str) -> None:
        """The close frame is made already; what comes now is not read."""
        self.stop_keepalive()
        self._unread.clear()
        self.frames = []
        self._door.memory.release(self, self._kept_bytes)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.handshake_complete = True
        if self.close_timer is not None:
            self.close_timer.cancel()
        self._lingering = Lingering(self.transport, self._door.turns, self._guest.account)
        self.close_timer = self._lingering.timer


def _counts(frame: Frame) -> bool:
    return counts(continues=frame.opcode is Opcode.CONT, nbytes=len(frame.data))


def _parse_s(message: dict[str, Any]) -> float:
    size = len(message.get("text") or message.get("bytes") or b"")
    return min(MESSAGE_S + size * PARSE_S_PER_BYTE, MOST_PARSE_S)
