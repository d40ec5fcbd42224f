"""A TCP port to listen on, or an error that says what to do."""

from __future__ import annotations

import socket

from matinee.errors import MatineeError


class PortUnavailable(MatineeError):
    """The address cannot be listened on."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; `port` 0 takes a free one. Raises `PortUnavailable`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
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
