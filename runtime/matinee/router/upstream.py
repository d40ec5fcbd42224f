"""The end of a splice at a backend: the handshake, then whole frames to the viewer.

A frame is forwarded when all of it is there, so that a viewer never has half of one when a backend
dies; one of more than `WHOLE_BYTES` is passed on as it comes, which bounds what is held.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import WebSocketURI

from matinee.router.frames import MOST_HEAD_BYTES, Scanner, Violation, first_frame
from matinee.router.http_client import tls
from matinee.router.journal import PEEK_BYTES

if TYPE_CHECKING:
    from matinee.router.viewer import Viewer

WHOLE_BYTES = 2**20
HEAD_BYTES = 64 * 1024
RECEIVED_BYTES = 128 * 1024
"""What the kernel may hold of a backend's video: more of it would be stale when it is forwarded."""
UNSENT_BYTES = 64 * 1024
"""What may wait for a backend before nothing more is read from its viewer."""
KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""A machine that vanished is noticed after 25 s, in seconds, seconds and questions."""
_QUEUE_STATUS = b'{"type":"queue_status"'


class NotTaken(Exception):
    """A backend took no session: it said 503 before the upgrade. Another one may."""


class NotReached(Exception):
    """It could not be reached, or what it said was no handshake."""


class Upstream(asyncio.Protocol):
    """One connection to a backend. `opened`: ends when it has upgraded the connection."""

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
        self._held: list[bytes | memoryview] = []
        self.mid_frame = False
        """The viewer has a part of a frame."""

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=UNSENT_BYTES)
        assert self._handshake is not None  # noqa: S101 - it is there until it is answered
        request = self._handshake.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._handshake.send_request(request)
        self.transport.write(b"".join(self._handshake.data_to_send()))

    def data_received(self, data: bytes) -> None:
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
        viewer.go_on_reading()
        self.transport.writelines(said)
        self._careful = self._answer is not None
        self._take_care(viewer)
        if not self.transport.is_closing():
            self.transport.resume_reading()

    async def asked(self, request: bytes) -> bytes:
        """Before there is a viewer: its answer to this frame, the first message that is not about
        its queue. Raises `NotReached`."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        self._look()
        if not self.transport.is_closing():
            self.transport.resume_reading()
        return await self._answer

    def leave(self) -> None:
        """The viewer is gone."""
        self._viewer = None
        self.transport.abort()

    # Within

    def _take_head(self, data: bytes) -> None:
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
        elif status != [b"101"]:
            self._fail(NotReached(f"it answered {b''.join(status)[:3].decode('latin-1')}"))
        else:
            handshake.receive_data(head)
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

    def _take(self, data: bytes) -> None:
        self.received_bytes += len(data)
        try:
            cut = self._scanner.feed(data)
        except Violation:
            self.transport.abort()
            return
        self.said_close = self.said_close or any(one.opcode == 0x8 for one in cut.controls)
        for opcode, head in cut.heads:
            if self._viewer is not None:
                self._viewer.journal.see(opcode, head)
        if cut.end:
            self._forward(memoryview(data)[: cut.end] if cut.end < len(data) else data)
            self.mid_frame = False
        if cut.end < len(data):
            self._held.append(data[cut.end :])
            if self._scanner.frame_bytes > WHOLE_BYTES:
                self.mid_frame = True
                self._forward()

    def _forward(self, *last: bytes | memoryview) -> None:
        pieces, self._held = [*self._held, *last], []
        if self._viewer is not None:
            self._viewer.show(pieces)


async def open_upstream(
    base_url: str, path: str, headers: Mapping[str, str], timeout_s: float
) -> Upstream:
    """A WebSocket of a backend, which waits for its viewer. `path`: with the query.

    Raises `NotTaken` and `NotReached`.
    """
    parts = urlsplit(base_url)
    secure, name = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    plain, _, query = path.partition("?")
    uri = WebSocketURI(secure, name, port, plain, query, None, None)
    try:
        async with asyncio.timeout(timeout_s):
            upstream = await _connect(uri, headers)
            try:
                await upstream.opened
            except BaseException:
                upstream.transport.abort()
                raise
            return upstream
    except (OSError, UnicodeError, TimeoutError) as error:  # a name may be none
        raise NotReached(str(error) or "it did not answer in time") from error


async def _connect(uri: WebSocketURI, headers: Mapping[str, str]) -> Upstream:
    """Raises `OSError`."""
    loop = asyncio.get_running_loop()
    plain = await _first_that_answers(uri)
    try:
        _, upstream = await loop.create_connection(
            lambda: Upstream(uri, headers),
            sock=plain,
            ssl=tls() if uri.secure else None,
            server_hostname=uri.host if uri.secure else None,
        )
    except BaseException:
        plain.close()
        raise
    return upstream


async def _first_that_answers(uri: WebSocketURI) -> socket.socket:
    """Of a name's addresses: `localhost` may be `::1` first, where a server of IPv4 is not.

    Raises `OSError`: that of the last one.
    """
    failed = OSError(f"{uri.host} has no address")
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(uri.host, uri.port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        try:
            return await _connected(socket.socket(family, kind, protocol), address)
        except OSError as error:
            failed = error
    raise failed


async def _connected(plain: socket.socket, address: Any) -> socket.socket:
    """Raises `OSError`."""
    try:
        plain.setblocking(False)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES)
        notice_death(plain)
        await asyncio.get_running_loop().sock_connect(plain, address)
    except BaseException:
        plain.close()
        raise
    return plain


def notice_death(connection: socket.socket) -> None:
    """Ask the other end now and then whether it is still there."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
