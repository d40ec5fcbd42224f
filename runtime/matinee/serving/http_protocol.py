"""HTTP/1.1 of strangers: uvicorn's httptools protocol with bounds before anything is kept.

Bytes of a head (431, 414), headers (431), bytes of a body (413), requests that wait on one
connection, time (408), streams that are opened (429), connections (503). Requests begin in their
turn.
"""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from websockets.http11 import MAX_LINE_LENGTH

from matinee.serving.guests import Guest, Phase, TooMany
from matinee.serving.lingering import Lingering
from matinee.serving.refusal import Refusal

if TYPE_CHECKING:
    from matinee.serving.door import Door

SLICE_BYTES = 4096
MOST_PIPELINED = 8
MOST_LINE_BYTES = MAX_LINE_LENGTH
"""Of the request line and of each header of a handshake: no server of WebSockets reads longer
ones."""
REQUEST_S = 0.0005
"""What a request takes at least, all in all."""


BAD_REQUEST = Refusal(HTTPStatus.BAD_REQUEST, "this is not a valid HTTP request")
HASTY = Refusal(HTTPStatus.BAD_REQUEST, "wait for the last answer before an upgrade")
TOO_SLOW = Refusal(HTTPStatus.REQUEST_TIMEOUT, "the request took too long")


class HttpProtocol(HttpToolsProtocol):
    """One connection; a WebSocket's begin too."""

    def __init__(self, door: Door, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._door = door
        self._limits = door.limits
        self._guest: Guest | None = None
        self._lingering: Lingering | None = None
        self._refusal: Refusal | None = None
        self._head_bytes = 0
        self._body_bytes = 0
        self._most_body_bytes = self._limits.body_bytes
        self._begun = False
        self._in_body = False
        self._handed_over = False
        self._running: RequestResponseCycle | None = None
        self.url, self.headers = b"", []  # there may be an end before there is a beginning

    # From the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        try:
            self._guest = self._door.come_in(transport, self._time_out)
        except TooMany as full:
            self._refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(full))
            transport.write(self._refusal.as_http())
            transport.close()
        else:
            super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._guest is not None:
            self._door.leave(self.transport)
            self._tell_of_the_end()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._lingering.discard()
        if self._refusal is not None or self._handed_over:
            return
        self._unset_keepalive_if_required()
        self._begin_head()
        for start in range(0, len(data), SLICE_BYTES):
            if not self._take(data[start : start + SLICE_BYTES]):
                return

    def pause_writing(self) -> None:
        super().pause_writing()
        self._here.stuck_since = self._door.clock()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._here.stuck_since = None

    # From the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= self._limits.headers:
            text = f"a request may have {self._limits.headers} headers"
            self._refuse_at_parser(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._most_body_bytes = self._door.most_body_bytes(self.url)
        if self._announced_body_bytes() > self._most_body_bytes:
            self._refuse_at_parser(*self._too_long_a_body())
        if len(self.pipeline) >= MOST_PIPELINED:
            text = f"{MOST_PIPELINED} requests wait on this connection already"
            self._refuse_at_parser(HTTPStatus.BAD_REQUEST, text)
        super().on_headers_complete()
        self._in_body = True
        if self._here.phase is not Phase.ANSWER:
            self._here.enter(Phase.BODY, self._door.clock())

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._begun = self._in_body = False
        self._head_bytes = self._body_bytes = 0
        answered = self.cycle is None or self.cycle.response_complete
        self._here.enter(Phase.IDLE if answered else Phase.ANSWER, self._door.clock())

    # From uvicorn

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline or self._in_body:
            return
        self._here.enter(Phase.HEAD if self._begun else Phase.IDLE, self._door.clock())

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        start = partial(super()._start_asgi_task, cycle, partial(self._while_open, app, cycle))

        def begin() -> bool:
            if not cycle.disconnected:
                start()
            return False

        self._door.turns.ask(self._here.account, begin, REQUEST_S)

    async def _while_open(
        self, app: ASGIApp, cycle: RequestResponseCycle, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """uvicorn writes until it is told of the end; uvloop raises from the end on."""

        def gone() -> bool:
            over = self._lingering is not None or self.transport.is_closing()
            cycle.disconnected = cycle.disconnected or over
            return bool(cycle.disconnected)

        async def receive_while_open() -> Message:
            return {"type": "http.disconnect"} if gone() else await receive()

        async def send_while_open(message: Message) -> None:
            if not gone():
                await send(message)

        await app(scope, receive_while_open, send_while_open)

    # Within

    @property
    def _here(self) -> Guest:
        assert self._guest is not None, "refused connections are not served"  # noqa: S101
        return self._guest

    def _begin_head(self) -> None:
        if self._here.phase is Phase.IDLE:
            self._here.enter(Phase.HEAD, self._door.clock())

    def _take(self, piece: bytes) -> bool:
        """False when nothing more is to be parsed."""
        piece = self._count(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._upgrade()
            return False
        except httptools.HttpParserError:
            self._refuse(self._refusal or BAD_REQUEST)
            return False
        if not self._in_body and self._head_bytes >= self._limits.head_bytes:
            self._refuse(self._too_long_a_head())
        elif self._body_bytes > self._most_body_bytes:
            self._refuse(Refusal(*self._too_long_a_body()))
        return self._refusal is None and not self.transport.is_closing()

    def _count(self, piece: bytes) -> bytes:
        """As much of it as a head may still have."""
        if self._in_body:
            self._body_bytes += len(piece)
            return piece
        piece = piece[: self._limits.head_bytes - self._head_bytes]
        self._head_bytes += len(piece)
        return piece

    def _upgrade(self) -> None:
        self._handed_over = True
        if not self._should_upgrade():
            self.cycle.keep_alive = False  # answered as if it had not asked for another protocol
        elif (refusal := self._wrong_with_handshake()) is not None:
            self._refuse(refusal)
        else:
            self._door.turns.ask(self._here.account, self._open_websocket, REQUEST_S)

    def _wrong_with_handshake(self) -> Refusal | None:
        text = f"a line of a handshake may have {MOST_LINE_BYTES} bytes"
        if self.cycle is not None and not self.cycle.response_complete:
            return HASTY
        if len(b"GET %b HTTP/1.1\r\n" % self.url) > MOST_LINE_BYTES:
            return Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, text)
        if any(len(b"%b: %b\r\n" % header) > MOST_LINE_BYTES for header in self.headers):
            return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
        return self._door.refusal_to_stream(self._here)

    def _open_websocket(self) -> bool:
        if not self.transport.is_closing():
            self.handle_websocket_upgrade()
            self.parser = None  # type: ignore[assignment] # it knows us: memory is free at once
        return False

    def _tell_of_the_end(self) -> None:
        """uvicorn tells the newest request, which may wait for the one that is being answered."""
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()

    def _announced_body_bytes(self) -> int:
        sizes = [value for name, value in self.headers if name == b"content-length"]
        return int(sizes[0]) if sizes else 0

    def _too_long_a_head(self) -> Refusal:
        most = self._limits.head_bytes
        if not self.headers and len(self.url) > most // 2:
            return Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, f"a head may have {most} bytes")
        text = f"request line and headers may have {most} bytes"
        return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)

    def _too_long_a_body(self) -> tuple[HTTPStatus, str]:
        text = f"a body may have {self._most_body_bytes} bytes"
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text

    def _refuse_at_parser(self, status: HTTPStatus, reason: str) -> None:
        """What a callback raises stops the parser."""
        self._refusal = Refusal(status, reason)
        raise httptools.HttpParserError(reason)

    def _time_out(self) -> None:
        if self._begun:
            self._refuse(TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer, unless something else is being answered, and close. A second time changes
        nothing: whoever lingers is overdue still."""
        if self._lingering is not None or self.transport.is_closing():
            return
        self._refusal = refusal
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(refusal.as_http(self.url))
        self._lingering = Lingering(self.transport, self._door.turns, self._here.account)
