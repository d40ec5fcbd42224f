"""The end of a splice at a viewer: an upgrade, a while in the queue perhaps, then frames both ways.

It takes the place of uvicorn's WebSocket protocol behind the server's door, whose budgets hold here
too. Until there is a backend, pings are answered here and what the viewer says is held, bounded;
then its frames are forwarded as they came, masks and all.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from websockets.frames import CloseCode, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from matinee.router.connecting import OF_VIEWERS, notice_death
from matinee.router.early import FREE_BYTES, Early
from matinee.router.frames import (
    Control,
    Cut,
    Scanner,
    Violation,
    close_frame,
    echoed_close,
    pong_frame,
    text_frame,
)
from matinee.router.journal import Journal
from matinee.router.pouring import Pieces, descriptor_of, pour
from matinee.router.stages import Stage
from matinee.router.upstream import Upstream
from matinee.serving.door import Door
from matinee.serving.frame_budget import frame_budget, too_many
from matinee.serving.guests import Phase
from matinee.serving.keys import Key
from matinee.serving.lingering import Lingering
from matinee.serving.refusal import Refusal
from matinee.wire.server_messages import Error, ServerMessage, StreamComplete

if TYPE_CHECKING:
    from matinee.router.reception import Reception

UNREAD_BYTES = 64 * 1024
"""What may wait for a viewer before nothing more is read from its backend."""
CLOSE_S = 10.0
"""How long a backend may take to answer a viewer's close."""


class Viewer(asyncio.Protocol):
    """One viewer's connection. `client`: its address; `address`: the same, of IPv6 its network.
    `first`: ends when its first message is there, or has begun and is long; false when it left.
    `early`: what it said before it had a backend. `was_slow`: that one had to wait for it."""

    def __init__(self, reception: Reception, door: Door, *, server_state: Any, **_uvicorns: Any):
        self.address = self.client = self.path = ""
        self.key: Key | None = None
        self.first: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.sent_bytes, self._said_close, self.was_slow = 0, False, False
        self._reception, self._door = reception, door
        self._connections: set[Any] = server_state.connections
        self._phase = Stage.SHAKING
        self._scanner = Scanner(masked=True, message_bytes=reception.message_bytes)
        self._budget = frame_budget(door.limits.frames_per_second, door.clock())
        self.early = Early(reception.held, reception.message_bytes)
        self.journal = Journal()
        self._upstream: Upstream | None = None
        self._lingering: Lingering | None = None
        self._close_timer: asyncio.TimerHandle | None = None

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._guest = self._door.guest(transport)
        self._guest.enter(Phase.SILENT, self._door.clock())
        self.address = self._guest.address
        self.client = str((transport.get_extra_info("peername") or ("",))[0])
        self.transport.set_write_buffer_limits(high=UNREAD_BYTES)
        self._descriptor = descriptor_of(transport)
        if (plain := transport.get_extra_info("socket")) is not None:
            notice_death(plain, OF_VIEWERS)

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._lingering.discard()
        elif self._phase is Stage.SHAKING:
            self._shake(data)
        elif self._phase is not Stage.OVER:
            self._hear(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._door.leave(self.transport)
        self._end()
        self._reception.gone(self)

    def pause_writing(self) -> None:
        self.was_slow = True
        self._guest.stuck_since = self._door.clock()
        if self._upstream is not None and not self._upstream.transport.is_closing():
            self._upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        self._guest.stuck_since = None
        if self._upstream is not None and not self._upstream.transport.is_closing():
            self._upstream.transport.resume_reading()

    # From uvicorn

    def shutdown(self) -> None:
        """What is still open when the grace is over."""
        self.transport.abort()

    # From the reception

    def tell(self, message: ServerMessage, *, moving: bool = False) -> None:
        """While no backend talks to it; `moving`: also after it has lost one."""
        hears = self._phase is Stage.QUEUED or (moving and self._phase is Stage.MOVING)
        if hears and not self.transport.is_closing():
            self.transport.write(text_frame(message.as_json()))

    def splice(self, upstream: Upstream) -> None:
        """The backend is there: what was said meanwhile goes to it first."""
        if self._phase is not Stage.QUEUED:  # it left at the same moment
            upstream.leave()
            return
        self._phase, self._upstream = Stage.SPLICED, upstream
        self.sent_bytes += self.early.nbytes
        upstream.splice(self, self.early.take())

    def moved(self, upstream: Upstream, said: list[bytes], news: ServerMessage) -> None:
        """Another backend goes on. `said`: what that has not heard."""
        if self._phase is not Stage.MOVING or self.transport.is_closing():
            upstream.leave()
            return
        self._phase, self._upstream = Stage.SPLICED, upstream
        self.transport.write(text_frame(news.as_json()))
        upstream.splice(self, said)

    def give_up(self) -> None:
        """No backend goes on with its session."""
        message = "the server that made this stream was lost; reconnect to go on"
        error = Error(code="worker_failed", message=message, retryable=True)
        self.close(error, StreamComplete(reason="error"), code=1011, reason="backend_lost")

    def close(self, *last: ServerMessage, code: int, reason: str) -> None:
        """The end by ourselves, between two frames if that can be."""
        upstream = self._upstream
        if upstream is not None and upstream.mid_frame:
            return self.transport.close()
        parted = upstream is not None and upstream.parted
        return self._say_last(() if parted else last, code, reason)

    # From the backend

    def show(self, pieces: Pieces) -> None:
        pour(self.transport, self._descriptor, pieces)

    def ask_hand_over(self) -> None:
        """Its backend drains, and another one has a slot for the session."""
        if self._upstream is not None:
            self._upstream.ask_hand_over(now=self._scanner.between_messages)

    def backend_lost(self, *, let_go: bool = False) -> None:
        """The viewer is told why; what was said before it reaches it first. `let_go`: it saved the
        session, for another one to go on."""
        upstream = self._upstream
        if self._phase is not Stage.SPLICED or upstream is None:
            return
        movable = self.journal.movable and not (upstream.mid_frame or upstream.parted)
        if (upstream.said_close and not let_go) or self.transport.is_closing():
            self._phase = Stage.OVER
            self.transport.close()
        elif self._said_close or self.journal.over:
            self._say_last([], 1000, "")
        elif movable and self._reception.move(self, lost=not let_go):
            self._phase, self._upstream = Stage.MOVING, None
            self.hold_back()
        elif let_go:
            self.close(StreamComplete(reason="drained"), code=1012, reason="backend_drained")
        else:
            self._reception.lost(self)
            self.give_up()

    def hold_back(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def go_on_reading(self) -> None:
        """Its backend has read what it said so far."""
        self.early.forget()
        if not self.transport.is_closing():
            self.transport.resume_reading()

    # Within

    def _shake(self, head: bytes) -> None:
        """The whole request, as the HTTP protocol read it."""
        parser = ServerProtocol(max_size=None)
        parser.receive_data(head)
        request = next(iter(parser.events_received()), None)
        parser.parser.close()  # it holds itself in a circle, and kilobytes
        if not isinstance(request, Request):
            self._turn_away(Refusal(HTTPStatus.BAD_REQUEST, "this is not a valid handshake"))
            return
        answer = self._reception.welcome(self, request)
        if isinstance(answer, Refusal):
            self._turn_away(answer)
            return
        response = parser.accept(request)
        if answer is not None:
            response.headers["Sec-WebSocket-Protocol"] = answer
        self.transport.write(response.serialize())
        if response.status_code != 101:
            self._linger()
        else:
            self.path, self._phase = request.path, Stage.QUEUED
            self._reception.seat(self)

    def _turn_away(self, refusal: Refusal) -> None:
        self.transport.write(refusal.as_http())
        self._linger()

    def _hear(self, data: bytes) -> None:
        now = self._door.clock()
        try:
            cut = self._scanner.feed(data, self._budget.room(now))
        except Violation as violation:
            many = violation.code == CloseCode.POLICY_VIOLATION
            reason = too_many(self._door.limits.frames_per_second) if many else violation.reason
            self.close(code=violation.code, reason=reason)
            return
        self._budget.spend(cut.counted, now)
        for control in cut.controls:
            self._said_close = self._said_close or control.opcode is Opcode.CLOSE
        self.journal.hear(data, cut.ends)
        if self._upstream is not None:
            self._pass_on(self._upstream, data)
        elif self._phase is Stage.QUEUED:
            self._hold(data, cut)

    def _pass_on(self, upstream: Upstream, data: bytes) -> None:
        if upstream.transport.is_closing():
            return
        self.sent_bytes += len(data)
        upstream.say(data, ends=self._scanner.between_messages)
        if self._said_close and self._close_timer is None:
            later = asyncio.get_running_loop().call_later
            self._close_timer = later(CLOSE_S, upstream.transport.abort)

    def _hold(self, data: bytes, cut: Cut) -> None:
        """Before there is a backend."""
        for control in cut.controls:
            self._answer(control)
        if self._phase is not Stage.QUEUED:
            return
        if not self.early.hold(data):
            self.hold_back()
        if (cut.ends or self.early.nbytes > FREE_BYTES) and not self.first.done():
            self._guest.enter(Phase.STREAM, self._door.clock())
            self.first.set_result(True)

    def _answer(self, control: Control) -> None:
        if control.opcode is Opcode.PING:
            self.transport.write(pong_frame(control.payload))
        elif control.opcode is Opcode.CLOSE:
            self.transport.write(echoed_close(control.payload))
            self._linger()

    def _say_last(self, last: Any, code: int, reason: str) -> None:
        if self._phase is Stage.OVER or self.transport.is_closing():
            return
        words = [text_frame(message.as_json()) for message in last]
        self.transport.writelines([*words, close_frame(code, reason)])
        self._linger()

    def _linger(self) -> None:
        self._end()
        self._lingering = Lingering(self.transport, self._door.turns, self._guest.account)

    def _end(self) -> None:
        """Whatever comes now is not read. A second time changes nothing."""
        self._phase = Stage.OVER
        if not self.first.done():
            self.first.set_result(False)
        if self._close_timer is not None:
            self._close_timer.cancel()
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.leave()
        self.early.forget()
        self._reception.left(self)
