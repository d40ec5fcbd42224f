"""How a backend's WebSocket is opened: at any address of its name, and so that its end is seen."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from websockets.uri import WebSocketURI

from matinee.router.table import Address
from matinee.router.tokens import NoToken, authorization
from matinee.router.upstream import NotReached, Upstream
from matinee.serving.http_client import tls
from matinee_api.contracts.pod_http import MOVES_HEADER, QUEUE_ELSEWHERE, QUEUE_HEADER

RECEIVED_BYTES = 256 * 1024
"""What the kernel may hold of a backend's video: more would be stale when it is forwarded, and each
piece that is less takes as much of the processor."""
OF_VIEWERS = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""A machine that vanished is noticed after 25 s, in seconds, seconds and questions."""
OF_BACKENDS = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 24}
"""The same; but `vanished.py` may judge from the first questions."""


async def open_session(address: Address, path: str, client: str, timeout_s: float) -> Upstream:
    """At a backend, for a viewer: where it is, and the path that it asked for.

    Raises `NotTaken` and `NotReached`.
    """
    headers = {QUEUE_HEADER: QUEUE_ELSEWHERE, MOVES_HEADER: "1", "X-Forwarded-For": client}
    try:
        headers |= authorization(address.stream_token_file)
    except NoToken as error:
        raise NotReached(str(error)) from error
    return await open_upstream(address.url, path, headers, timeout_s)


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
    for family, kind, protocol, _, address in await _addresses(uri):
        try:
            return await _connected(socket.socket(family, kind, protocol), address)
        except OSError as error:
            failed = error
    raise failed


async def _addresses(uri: WebSocketURI) -> list[Any]:
    """As `getaddrinfo` tells them. Raises `OSError`."""
    where, kind = (uri.host, uri.port), socket.SOCK_STREAM
    try:  # most are none but addresses, which need no thread to be looked up in
        return socket.getaddrinfo(*where, type=kind, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().getaddrinfo(*where, type=kind)


async def _connected(plain: socket.socket, address: Any) -> socket.socket:
    """Raises `OSError`."""
    try:
        plain.setblocking(False)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES)
        notice_death(plain, OF_BACKENDS)
        await asyncio.get_running_loop().sock_connect(plain, address)
    except BaseException:
        plain.close()
        raise
    return plain


def notice_death(connection: socket.socket, questions: Mapping[str, int]) -> None:
    """Ask the other end now and then whether it is still there."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in questions.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
