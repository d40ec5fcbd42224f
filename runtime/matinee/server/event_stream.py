"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) as an answer.

Starlette's own streams read what comes after the body, to see whether the client leaves. Here the
one who makes the events does that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastapi import Response
from starlette.types import Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Event:
    """`data`: JSON without line breaks."""

    name: str
    data: bytes

    def __bytes__(self) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (self.name.encode(), self.data)


class EventStream(Response):
    media_type = "text/event-stream"

    def __init__(self, events: Callable[[], AsyncIterator[Event]]) -> None:
        super().__init__(headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        async for event in self._events():
            await send({"type": "http.response.body", "body": bytes(event), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
