"""What a router says of a request that it forwards: whose key came with it, and what the client
calls the router. Whoever may come in may say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from matinee.jobs.owner import OWNER
from matinee_api.contracts.pod_http import OWNER_HEADER, VIA_HEADER


class Forwarded:
    """ASGI middleware. `trusted`: whether to believe who sent these headers."""

    def __init__(self, app: ASGIApp, trusted: Callable[[Mapping[str, str]], bool]) -> None:
        self._app, self._trusted = app, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        via = urlsplit(headers.get(VIA_HEADER, ""))
        if via.scheme not in ("http", "https") or not self._trusted(headers):
            await self._app(scope, receive, send)
            return
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        told = [*others, (b"host", via.netloc.encode("latin-1", "replace"))]
        owner = OWNER.set(unquote(headers.get(OWNER_HEADER, "")))
        try:
            await self._app({**scope, "scheme": via.scheme, "headers": told}, receive, send)
        finally:
            OWNER.reset(owner)
