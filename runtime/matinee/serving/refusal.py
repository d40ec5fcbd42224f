"""A request that is answered before anybody looks into it: status and reason, as JSON.

Below the paths of OpenAI's API it has the form that OpenAI's clients read.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

API_PATHS = ("/v1/videos", "/v1/images", "/v1/models", "/v1/model_info")
CODES = {
    HTTPStatus.UNAUTHORIZED: "invalid_api_key",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
"""Of other states their names."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason`: a sentence for the one who asked, with the remedy where there is one."""

    status: HTTPStatus
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(self, scope: Scope, send: Send) -> None:
        """Answer an HTTP request, or a WebSocket's handshake before the upgrade."""
        kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
        body = self._body(scope["path"])
        raw = [(name.encode(), value.encode()) for name, value in self._headers(body).items()]
        await send({"type": f"{kind}.start", "status": int(self.status), "headers": raw})
        await send({"type": f"{kind}.body", "body": body})

    def as_http(self, target: bytes = b"") -> bytes:
        """The whole answer of a connection that ends with it, before there is an application."""
        body = self._body(target.decode("latin-1"))
        headers = {**self._headers(body), "connection": "close"}
        head = [f"HTTP/1.1 {self.status.value} {self.status.phrase}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*head, "", ""]).encode() + body

    def error(self, path: str) -> str | dict[str, Any]:
        """What is wrong, for who asked for that path."""
        if not path.startswith(API_PATHS):
            return self.reason
        code = CODES.get(self.status, self.status.name.lower())
        return error_object(self.status, code, self.reason)

    def _body(self, path: str) -> bytes:
        return json.dumps({"error": self.error(path)}).encode()

    def _headers(self, body: bytes) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **self.headers,
        }


def error_object(
    status: HTTPStatus, code: str, message: str, param: str | None = None
) -> dict[str, Any]:
    """An error as OpenAI's clients read it. `code` is for programs."""
    kind = "invalid_request_error"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = "server_error"
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "rate_limit_error"
    return {"message": message, "type": kind, "param": param, "code": code}
