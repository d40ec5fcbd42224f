"""Plain HTTP for viewers: the player and the models, from whichever backend answers.

Bodies are passed on in pieces, as fast as the viewer reads, and no further than `MOST_BYTES`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from matinee.router.placement import Wish, place
from matinee.router.table import Backend, Health, Table
from matinee.router.tokens import NoToken, authorization
from matinee.router.visit import now
from matinee.serving.http_client import Answer, Unanswered, asked

MOST_BYTES = 64 * 2**20
BEGIN_BYTES = 256 * 1024
"""Of a body, before the viewer is given any: all of the player's files and of the models."""
MOST_AT_ONCE = 32
"""Questions to backends; the others wait."""
TAKEN = frozenset({"accept", "accept-language", "if-none-match", "if-modified-since", "range"})
"""Headers that a backend gets."""
GIVEN = frozenset(
    {
        "accept-ranges", "cache-control", "content-disposition", "content-language",
        "content-length", "content-range", "content-security-policy", "content-type", "etag",
        "last-modified", "location", "openai-poll-after-ms", "referrer-policy", "retry-after",
        "vary", "x-content-type-options",
    }
)  # fmt: skip
"""Headers that a viewer gets."""


class Forwarding:
    """Only GET: what changes something needs a place of its own. For its backends all viewers have
    the router's address, whose connections they limit: so few are asked for at once, and those
    that wait for a viewer to read are only of what is long."""

    def __init__(self, table: Table, timeout_s: float) -> None:
        self._table = table
        self._timeout_s = timeout_s
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def get(self, request: Request) -> Response:
        if any(part in (".", "..") for part in request.url.path.split("/")):
            return JSONResponse({"error": "not found"}, HTTPStatus.NOT_FOUND)
        for backend in alive(self._table):
            async with AsyncExitStack() as stack:
                try:
                    async with self._at_once:
                        begun = await self._begun(await self._ask(stack, backend, request))
                except Unanswered:
                    continue
                return begun.whole() or Streamed(
                    stack.pop_all(), begun.body(), begun.status, begun.headers
                )
        reason = {"error": "no backend answers"}
        return JSONResponse(reason, HTTPStatus.BAD_GATEWAY, {"retry-after": "5"})

    async def _begun(self, answer: Answer) -> _Begun:
        """Raises `Unanswered`."""
        if answer.status == HTTPStatus.UNAUTHORIZED:  # the token is not the viewer's
            raise Unanswered("it wants another token: see stream_token_file")
        begun = _Begun(answer, aiter(answer.pieces()))
        try:
            async with asyncio.timeout(self._timeout_s):
                await begun.read(BEGIN_BYTES)
        except TimeoutError as error:
            raise Unanswered("no answer in time") from error
        return begun

    async def _ask(self, stack: AsyncExitStack, backend: Backend, request: Request) -> Answer:
        """Raises `Unanswered`."""
        path = request.scope["raw_path"].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        headers = {name: value for name, value in request.headers.items() if name in TAKEN}
        headers |= token_for(backend)
        return await stack.enter_async_context(
            asked(
                backend.address.url,
                f"{path}?{query}" if query else path,
                headers,
                timeout_s=self._timeout_s,
            )
        )


def alive(table: Table) -> list[Backend]:
    """The one that would get a session first; then all others that are alive."""
    best = place(table, "most-free", Wish("", now()))
    ordered = sorted(table, key=lambda one: (one is not best, not one.takes_new))
    return [one for one in ordered if one.health is not Health.UNHEALTHY]


def given_headers(answer: Answer) -> dict[str, str]:
    """What a viewer gets of them."""
    return {name: value for name, value in answer.headers if name in GIVEN}


def token_for(backend: Backend) -> dict[str, str]:
    """Raises `Unanswered`."""
    try:
        return authorization(backend.address.stream_token_file)
    except NoToken as error:
        raise Unanswered(str(error)) from error


class _Begun:
    """An answer of which the first pieces are there."""

    def __init__(self, answer: Answer, pieces: AsyncIterator[bytes]) -> None:
        self.status = answer.status
        self.headers = given_headers(answer)
        self._first: list[bytes] = []
        self._pieces = pieces
        self._ended = False

    async def read(self, most_bytes: int) -> None:
        """Until there are more. Raises `Unanswered`."""
        while sum(map(len, self._first)) <= most_bytes:
            try:
                self._first.append(await anext(self._pieces))
            except StopAsyncIteration:
                self._ended = True
                return

    def whole(self) -> Response | None:
        """None where there is more to come."""
        return Response(b"".join(self._first), self.status, self.headers) if self._ended else None

    async def body(self) -> AsyncIterator[bytes]:
        """What is longer, or breaks off, ends the viewer's connection too."""
        sent = 0
        for piece in self._first:
            sent += len(piece)
            yield piece
        async for piece in self._pieces:
            sent += len(piece)
            if sent > MOST_BYTES:
                raise Unanswered(f"an answer of more than {MOST_BYTES} bytes")
            yield piece


class Streamed(StreamingResponse):
    """`stack`: is closed when the viewer has it all, or has left."""

    def __init__(
        self,
        stack: AsyncExitStack,
        body: AsyncIterator[bytes],
        status: int,
        headers: dict[str, str],
    ) -> None:
        super().__init__(body, status, headers)
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await super().__call__(scope, receive, send)
