"""One application for each port: the public one, and the control port if there is one."""

from __future__ import annotations

from matinee.serving.host_guard import App, Receive
from matinee.serving.refusal import Scope, Send


class ByPort:
    """A connection belongs to the port that it came in by, which its sender cannot make up."""

    def __init__(self, public: App, control: App, control_port: int) -> None:
        self._public, self._control, self._control_port = public, control, control_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_control = scope["type"] != "lifespan" and _port(scope) == self._control_port
        await (self._control if is_control else self._public)(scope, receive, send)


def _port(scope: Scope) -> int | None:
    server = scope.get("server")
    return server[1] if server else None
