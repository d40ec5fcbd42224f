"""A client of `/v1/stream`: JSON messages and video bytes in the order they came.

    async with StreamClient.connect("http://127.0.0.1:8000", init={"seed": 7}) as stream:
        await stream.send_prompt("a red ball moving left on a blue background")
        async for item in stream:
            if isinstance(item, bytes):
                ...  # after each `media_init` its init segment, then whole fragments
            elif item["type"] == "ltx2_segment_complete":
                break

The protocol is described in docs/protocol.md. Iteration ends when the server closes;
`close_code` and `close_reason` then say why.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidProxyStatus,
    InvalidStatus,
    WebSocketException,
)
from websockets.http11 import Response

from matinee.client.server_text import Message, parsed
from matinee.errors import BadInput, MatineeError
from matinee_api.proxies import ProxyUnusable, proxy_for

MAX_MESSAGE_BYTES = 256 * 2**20
"""Largest message taken from a server: a continuation state with large frames in base64."""
OPEN_TIMEOUT_S = 10.0
SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
STREAM_PATH = "/v1/stream"


class StreamUnavailable(MatineeError):
    """The stream could not be opened. `status` is the HTTP status when the server gave one."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"cannot open {url}: {reason}")
        self.status = status


class StreamClosed(MatineeError):
    """Something was sent after the server had closed."""

    def __init__(self, code: int | None, reason: str | None) -> None:
        super().__init__(f"the server has closed the stream: {reason or code}")
        self.code = code


def stream_url(address: str) -> str:
    """The stream's address from what people type: `host:port`, a page's address, or the stream's.

    Raises `BadInput`.
    """
    try:
        parts = _split(address if "://" in address else f"http://{address}")
    except ValueError as error:
        says = f"{_without_secrets(address)!r} is no address of a server, such as http://host:8000"
        raise BadInput("url", says, joint=None) from error
    path = parts.path.removesuffix("/").removesuffix("/player").removesuffix(STREAM_PATH)
    return urlunsplit((SCHEMES[parts.scheme], parts.netloc, path + STREAM_PATH, parts.query, ""))


def _split(url: str) -> SplitResult:
    """Raises `ValueError` for what could not be connected to, whoever listens."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname or parts.port == 0:
        raise ValueError(url)
    parts.hostname.encode("idna")
    return parts


class StreamClient:
    """One open session. Make it with `connect`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        init: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Self]:
        """Open a session with the fields of `session_init_v2` in `init`; close it at the end.

        Raises `StreamUnavailable` and, for an address that is none, `BadInput`.
        """
        address = stream_url(url)
        socket = await _open(address, headers)
        async with socket:
            client = cls(socket)
            await client.send("session_init_v2", **(init or {}))
            yield client

    @property
    def close_code(self) -> int | None:
        """Code of the close frame; 1006 when there was none; None while the stream is open."""
        return self._socket.close_code

    @property
    def close_reason(self) -> str | None:
        return self._socket.close_reason

    async def send(self, message_type: str, **fields: object) -> None:
        """Send one message. Raises `StreamClosed`."""
        try:
            await self._socket.send(json.dumps({"type": message_type, **fields}))
        except ConnectionClosed:
            raise StreamClosed(self.close_code, self.close_reason) from None

    async def send_prompt(self, prompt: str, **fields: object) -> None:
        """Ask for the next segment; `fields` are those of `segment_prompt_source`."""
        await self.send("segment_prompt_source", prompt=prompt, **fields)

    async def receive(self) -> Message | bytes | None:
        """The next message or the next piece of video; None when the server has closed.

        Raises `StreamBroken` for text that is no message.
        """
        try:
            frame = await self._socket.recv()
        except ConnectionClosed:
            return None
        return frame if isinstance(frame, bytes) else parsed(frame)

    async def __aiter__(self) -> AsyncIterator[Message | bytes]:
        while (item := await self.receive()) is not None:
            yield item


async def _open(address: str, headers: Mapping[str, str] | None) -> ClientConnection:
    shown = _without_secrets(address)
    try:
        proxy = proxy_for(address)
    except ProxyUnusable as error:
        raise StreamUnavailable(shown, str(error)) from error
    way = f" (asked through the proxy of {proxy.variable})" if proxy else ""
    try:
        return await connect(
            address,
            proxy=proxy.url if proxy else None,
            additional_headers=headers,
            compression=None,  # video does not get smaller
            max_size=MAX_MESSAGE_BYTES,
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=None,  # the server watches the connection
        )
    except (OSError, WebSocketException, ValueError) as error:
        raise _unavailable(error, shown, way) from error


def _unavailable(error: Exception, address: str, way: str) -> StreamUnavailable:
    """`way`: how it was asked, where that is not directly."""
    match error:
        case InvalidStatus(response=response):
            return StreamUnavailable(address, _refusal(response) + way, response.status_code)
        case TimeoutError():
            says = f"no answer in {OPEN_TIMEOUT_S:.0f} s"
        case ConnectionRefusedError():
            says = "nothing listens there"
        case ssl.SSLError():
            says = f"no secure connection ({error.reason}); for a server without TLS write http://"
        case OSError():
            says = error.strerror or "it can't be reached"
        case InvalidProxyStatus(response=response):
            says = f"the proxy answers {response.status_code}"
        case _:  # also where a server sends us on to nonsense
            says = "what answers there is not a stream"
    return StreamUnavailable(address, says + way)


def _without_secrets(address: str) -> str:
    """Neither what stands before an `@` nor a query, in which there may be a token."""
    return re.sub(r"^([A-Za-z]+://)?[^/]*@", r"\1", address.partition("?")[0])


def _refusal(response: Response) -> str:
    """An answer other than the stream, in the server's words where it has any."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        return "there is no stream at that path; give http://HOST:PORT of a server"
    says = f"the server answers {response.status_code}"
    try:
        return f"{says}: {json.loads(response.body or b'')['error']}"
    except (ValueError, LookupError, TypeError, RecursionError):
        return says
