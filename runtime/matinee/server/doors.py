"""The sockets that a server listens on: one for everybody, and one for who controls it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Self

from matinee.serving.access import is_loopback
from matinee.serving.listening import PortUnavailable
from matinee.serving.listening import bind as listening_on
from matinee_api.config.runtime_config import ServerConfig

TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", None)
UNSENT_BYTES = 128 * 1024
"""Video that the kernel may hold for a viewer that does not read. Without the limit it hides
megabytes, that is many seconds of stale video, from the bounded queue above it."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket for viewers; `port` 0 takes a free one. Raises `PortUnavailable`."""
    listening = listening_on(host, port)
    if TCP_NOTSENT_LOWAT is not None:  # accepted connections inherit it
        listening.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listening


@dataclass(frozen=True, slots=True)
class Doors:
    """Without `control`, the public socket has the control routes too."""

    public: socket.socket
    control: socket.socket | None = None

    @classmethod
    def of(cls, config: ServerConfig) -> Self:
        """Raises `PortUnavailable`."""
        public = bind(config.host, config.port)
        if config.control_port is None:
            return cls(public)
        try:
            control = listening_on(config.control_host or config.host, config.control_port)
        except PortUnavailable:
            public.close()
            raise
        return cls(public, control)

    @property
    def sockets(self) -> list[socket.socket]:
        return [self.public] if self.control is None else [self.public, self.control]

    @property
    def control_port(self) -> int | None:
        return None if self.control is None else int(self.control.getsockname()[1])

    @property
    def private(self) -> bool:
        """Whether the control routes can be reached from this machine alone."""
        return is_loopback((self.control or self.public).getsockname()[0])

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def url_of(listening: socket.socket) -> str:
    """Where a browser on this machine finds the server."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 (compares only)
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"
