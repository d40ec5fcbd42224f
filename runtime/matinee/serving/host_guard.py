"""An ASGI application that refuses whatever is asked of it by a name that is not ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from matinee.serving.names import host_refusal
from matinee.serving.refusal import Scope, Send

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class HostGuard:
    """`own`: see `names.host_refusal`."""

    def __init__(self, app: App, own: Sequence[str]) -> None:
        self._app, self._own = app, tuple(own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] in ("http", "websocket"):
            named = [value for name, value in scope["headers"] if name == b"host"]
            hosts = [value.decode("latin-1") for value in named]
            refusal = host_refusal(hosts, scope.get("http_version", "1.1"), self._own)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.answer(scope, send)
