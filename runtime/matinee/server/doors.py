"""The sockets that a server listens on: one for everybody, and one for who controls it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Self

from matinee.serving.access import is_loopback
from matinee.serving.listening import PortUnavailable, bind, bind_for_viewers
from matinee_api.config.runtime_config import ServerConfig


@dataclass(frozen=True, slots=True)
class Doors:
    """Without `control`, the public socket has the control routes too."""

    public: socket.socket
    control: socket.socket | None = None

    @classmethod
    def of(cls, config: ServerConfig) -> Self:
        """Raises `PortUnavailable`."""
        public = bind_for_viewers(config.host, config.port)
        if config.control_port is None:
            return cls(public)
        try:
            control = bind(config.control_host or config.host, config.control_port)
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
