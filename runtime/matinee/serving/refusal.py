"""A request that is answered before anybody looks into it: status and reason, as JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason`: a sentence for the one who asked, with the remedy where there is one."""

    status: HTTPStatus
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(self, scope: Scope, send: Send) -> None:
        """Answer an HTTP request, or a WebSocket's handshake before the upgrade."""
        kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
        body = json.dumps({"error": self.reason}).encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **self.headers,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": f"{kind}.start", "status": int(self.status), "headers": raw})
        await send({"type": f"{kind}.body", "body": body})
