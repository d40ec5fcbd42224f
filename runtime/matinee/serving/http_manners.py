"""What clients may expect of every route: HEAD is answered as GET is, without the body; and one
that leaves within its request is no mistake of ours.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HttpManners:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["type"] == "http" and scope["method"] == "HEAD":
                await self._app({**scope, "method": "GET"}, receive, _only_head(send))
            else:
                await self._app(scope, receive, send)
        except ClientDisconnect:
            return


def _only_head(send: Send) -> Send:
    """The server leaves out what bodies there are; endless ones end at once."""
    ended = False

    async def send_head(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            await send(message)
        elif not ended:
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_head
