"""A TCP port to listen on, or an error that says what to do."""

from __future__ import annotations

import errno
import socket
from typing import Any

from matinee.errors import MatineeError

EVERY_ADDRESS = "::"
TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", None)
UNSENT_BYTES = 128 * 1024
"""Video that the kernel may hold for a viewer that does not read. Without the limit it hides
megabytes, that is many seconds of stale video, from the bounded queue above it."""


class PortUnavailable(MatineeError):
    """The address cannot be listened on."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; `port` 0 takes a free one. `::` is every address, those of IPv4 too, and
    these alone on a machine without IPv6. Raises `PortUnavailable`."""
    try:
        listening, address = _made(host, port)
    except OSError as error:
        raise PortUnavailable(f"cannot listen on {host}: {error.strerror}") from error
    except ValueError as error:  # a name that cannot be one: too long, or with a NUL
        raise PortUnavailable(f"cannot listen on {host!r}: it is not a host name") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise PortUnavailable(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port, "
            "or --port 0 for any free one"
        ) from error
    return listening


def bind_for_viewers(host: str, port: int) -> socket.socket:
    """The same, for viewers: little video waits unsent in the kernel. Raises `PortUnavailable`."""
    listening = bind(host, port)
    if TCP_NOTSENT_LOWAT is not None:  # accepted connections inherit it
        listening.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listening


def url_of(listening: socket.socket) -> str:
    """Where a browser on this machine finds the server."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 (compares only)
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"


def _made(host: str, port: int) -> tuple[socket.socket, Any]:
    """A socket, and the address to bind it to. Raises `OSError` and `ValueError`."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    try:
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        if host == EVERY_ADDRESS and error.errno == errno.EAFNOSUPPORT:
            return _made("0.0.0.0", port)  # noqa: S104 - as asked
        raise
    if host == EVERY_ADDRESS:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return made, address
