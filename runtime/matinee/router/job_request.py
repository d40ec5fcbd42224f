"""One request of OpenAI's API on its way to a server, and the answer on its way back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from matinee.router.forwarding import given_headers, token_for
from matinee.router.table import Backend
from matinee.serving.http_client import Answer, NotReached, Unanswered, asked
from matinee_api.contracts.pod_http import OWNER_HEADER, VIA_HEADER

REPLAYED_BYTES = 64 * 1024
"""Of a body: so much is kept, to be sent to another server when the first does not take it."""
CONNECT_S, QUICK_S, MADE_S = 2.0, 15.0, 3600.0
"""For a connection; for an answer from a list; for one that comes when something is made."""
MOST_CONTENT_BYTES = 2**36
MOST_REFUSAL_BYTES = 64 * 1024
TAKEN = frozenset(
    {
        "accept", "content-type", "idempotency-key", "if-match", "if-modified-since",
        "if-none-match", "if-range", "range",
    }
)  # fmt: skip
"""Headers that a server gets."""


class Body:
    """What the client sends: its begin is kept, the rest goes through once."""

    def __init__(self, request: Request) -> None:
        self.ended = asyncio.Event()
        self.replays = True
        """Whether it can be sent once more."""
        self._first = b""
        self._length = request.headers.get("content-length")
        self._pieces = aiter(request.stream())

    async def begin(self) -> None:
        """Raises `ClientDisconnect`."""
        while len(self._first) <= REPLAYED_BYTES:
            try:
                self._first += await anext(self._pieces)
            except StopAsyncIteration:
                self.ended.set()
                return

    def headers(self) -> dict[str, str]:
        """How long it is, where that is not plain."""
        if self.ended.is_set():
            return {}
        if self._length is not None:
            return {"content-length": self._length}
        return {"transfer-encoding": "chunked"}

    def first(self) -> bytes:
        """What is sent at once."""
        is_chunked = "transfer-encoding" in self.headers()
        return _chunk(self._first) if is_chunked else self._first

    def rest(self) -> AsyncIterator[bytes] | None:
        """What is sent as it comes, if anything is. Raises `ClientDisconnect`."""
        return None if self.ended.is_set() else self._rest()

    async def _rest(self) -> AsyncIterator[bytes]:
        self.replays = False
        async for piece in self._pieces:
            if piece:
                yield piece if self._length is not None else _chunk(piece)
        if self._length is None:
            yield _chunk(b"")
        self.ended.set()


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


@dataclass(slots=True)
class Answered:
    """A server's answer. `stack`: its connection."""

    stack: AsyncExitStack
    answer: Answer

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def headers(self) -> dict[str, str]:
        return given_headers(self.answer)

    async def whole(self) -> Response | None:
        """None of one that breaks off, or is too long. The connection ends."""
        async with self.stack:
            try:
                body = await self.answer.body(MOST_REFUSAL_BYTES, QUICK_S)
            except Unanswered:
                return None
        return Response(body, self.status, self.headers)

    async def body(self) -> AsyncIterator[bytes]:
        """As it comes. What breaks off ends the client's connection too."""
        sent = 0
        async for piece in self.answer.pieces():
            sent += len(piece)
            if sent > MOST_CONTENT_BYTES:
                raise Unanswered(f"an answer of more than {MOST_CONTENT_BYTES} bytes")
            yield piece


async def ask(request: Request, backend: Backend, owner: str, body: Body) -> Answered:
    """`owner`: whose request it is. Raises `Unanswered`, and `ClientDisconnect` while its body
    comes."""
    headers = {name: value for name, value in request.headers.items() if name in TAKEN}
    headers |= {**body.headers(), **token_for(backend), **_told_of(request, owner)}
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    async with AsyncExitStack() as stack:
        answer = await stack.enter_async_context(
            asked(
                backend.address.url,
                f"{path}?{query}" if query else path,
                headers,
                timeout_s=CONNECT_S,
                patience_s=MADE_S if request.method == "POST" else QUICK_S,
                sends=(request.method, body.first()),
                rest=body.rest(),
            )
        )
        if answer.status == HTTPStatus.UNAUTHORIZED:  # the token is not the client's
            raise NotReached("it wants another token: see stream_token_file")
        return Answered(stack.pop_all(), answer)


def _told_of(request: Request, owner: str) -> dict[str, str]:
    """Whose it is, and what the client calls the router: URLs in answers are to lead here."""
    told = {VIA_HEADER: f"{request.url.scheme}://{request.headers.get('host', '')}"}
    return {**told, OWNER_HEADER: quote(owner)} if owner else told
