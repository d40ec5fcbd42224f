"""Plain HTTP for viewers: the player and the models, from whichever backend answers.

Bodies are passed on in pieces, as fast as the viewer reads, and no further than `MOST_BYTES`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from matinee.router.http_client import Answer, Unanswered, asked
from matinee.router.placement import Wish, place
from matinee.router.seating import now
from matinee.router.table import Backend, Health, Table

MOST_BYTES = 64 * 2**20
TAKEN = frozenset({"accept", "accept-language", "if-none-match", "if-modified-since", "range"})
"""Headers that a backend gets."""
GIVEN = frozenset(
    {
        "accept-ranges", "cache-control", "content-disposition", "content-language",
        "content-length", "content-range", "content-security-policy", "content-type", "etag",
        "last-modified", "location", "referrer-policy", "retry-after", "vary",
        "x-content-type-options",
    }
)  # fmt: skip
"""Headers that a viewer gets."""


class Forwarding:
    """Only GET: what changes something needs a place of its own."""

    def __init__(self, table: Table, timeout_s: float) -> None:
        self._table = table
        self._timeout_s = timeout_s

    async def get(self, request: Request) -> Response:
        if any(part in (".", "..") for part in request.url.path.split("/")):
            return JSONResponse({"error": "not found"}, HTTPStatus.NOT_FOUND)
        stack = AsyncExitStack()
        for backend in self._candidates():
            try:
                answer = await self._ask(stack, backend, request)
            except Unanswered:
                continue
            headers = {name: value for name, value in answer.headers if name in GIVEN}
            return StreamingResponse(_bounded(stack, answer), answer.status, headers)
        reason = {"error": "no backend answers"}
        return JSONResponse(reason, HTTPStatus.BAD_GATEWAY, {"retry-after": "5"})

    async def _ask(self, stack: AsyncExitStack, backend: Backend, request: Request) -> Answer:
        """Raises `Unanswered`."""
        path = request.scope["raw_path"].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        headers = {name: value for name, value in request.headers.items() if name in TAKEN}
        return await stack.enter_async_context(
            asked(
                backend.address.url,
                f"{path}?{query}" if query else path,
                headers,
                timeout_s=self._timeout_s,
            )
        )

    def _candidates(self) -> list[Backend]:
        """The one that would get a session first; then all others that are alive."""
        best = place(self._table, "most-free", Wish("", now()))
        alive = sorted(self._table, key=lambda one: (one is not best, not one.takes_new))
        return [one for one in alive if one.health is not Health.UNHEALTHY]


async def _bounded(stack: AsyncExitStack, answer: Answer) -> AsyncIterator[bytes]:
    """What is longer, or breaks off, ends the viewer's connection too."""
    sent = 0
    async with stack:
        async for piece in answer.pieces():
            sent += len(piece)
            if sent > MOST_BYTES:
                raise Unanswered(f"an answer of more than {MOST_BYTES} bytes")
            yield piece
