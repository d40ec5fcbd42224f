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
        raw = [(name.encode(), value.encode()) for name, value in self._headers().items()]
        await send({"type": f"{kind}.start", "status": int(self.status), "headers": raw})
        await send({"type": f"{kind}.body", "body": self._body})

    def as_http(self) -> bytes:
        """The whole answer of a connection that ends with it, before there is an application."""
        headers = {**self._headers(), "connection": "close"}
        head = [f"HTTP/1.1 {self.status.value} {self.status.phrase}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*head, "", ""]).encode() + self._body

    @property
    def _body(self) -> bytes:
        return json.dumps({"error": self.reason}).encode()

    def _headers(self) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "content-length": str(len(self._body)),
            **self.headers,
        }
