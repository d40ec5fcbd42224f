"""OpenAI's API at the router: `/v1/videos` and `/v1/images`, from a server that has the job.

Servers that share a ledger of jobs answer alike, so one of them is asked. Where each has jobs of
its own, all are asked until one knows the job. The router keeps nothing: bodies go through in both
directions as fast as the other end takes them (`job_request.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from matinee.router.forwarding import Streamed, alive
from matinee.router.gate import OTHER_ORIGIN, Gate
from matinee.router.job_request import Answered, Body, ask
from matinee.router.table import Backend, Table
from matinee.serving.http_client import NotReached, Unanswered
from matinee.serving.keys import given_key
from matinee.serving.refusal import Refusal

VIDEOS_PATH, IMAGES_PATH = "/v1/videos", "/v1/images"
MOST_QUICK, MOST_ORDERS, MOST_FILES, MOST_MADE = 32, 32, 64, 64
"""Requests that are forwarded at once: for what is answered from a list, orders, files, and what is
answered when it is made. The others wait. All come from the router's address, whose connections
its servers limit."""
NO_SERVER = "no server answers; retry"
BROKE_OFF = "the server ended before it answered; it may have taken the order: look at the list"
AGAIN = {"retry-after": "5"}
APART = (
    "each server has jobs of its own here, so there is no list of all; let them share one "
    "(jobs.store: redis), or ask each server"
)


class JobForwarding:
    """`gate`: says who may come in."""

    def __init__(self, table: Table, gate: Gate) -> None:
        self._table, self._gate = table, gate
        self._quick, self._orders, self._files, self._made = (
            asyncio.Semaphore(most) for most in (MOST_QUICK, MOST_ORDERS, MOST_FILES, MOST_MADE)
        )

    async def answer(self, request: Request) -> Response:
        owner = self._owner(request)
        if isinstance(owner, Refusal):
            return refused(owner)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._turn(request))
            answered = await self._forwarded(request, owner)
            if isinstance(answered, Response):
                return answered
            stack.push_async_exit(answered.stack)
            return Streamed(stack.pop_all(), answered.body(), answered.status, answered.headers)

    def _owner(self, request: Request) -> str | Refusal:
        """Of the key; empty where nobody needs one."""
        headers = request.headers
        entry = self._gate.holder(given_key(headers))
        if isinstance(entry, Refusal):
            return entry
        if not self._gate.origins_fit(headers.getlist("origin"), headers.get("host")):
            return Refusal(HTTPStatus.FORBIDDEN, OTHER_ORIGIN)
        if any(part in (".", "..") for part in request.url.path.split("/")):
            return Refusal(HTTPStatus.NOT_FOUND, "not found")
        return entry.key.name if entry.key else ""

    def _turn(self, request: Request) -> asyncio.Semaphore:
        path = request.url.path
        if request.method == "POST":
            waits = path.startswith(IMAGES_PATH) or path.endswith("/generations")
            return self._made if waits else self._orders
        return self._files if path.endswith("/content") else self._quick

    async def _forwarded(self, request: Request, owner: str) -> Response | Answered:
        """Raises `ClientDisconnect`."""
        body, groups = Body(request), _groups(self._table)
        await body.begin()
        if _lists(request) and len(groups) > 1:
            return refused(Refusal(HTTPStatus.NOT_IMPLEMENTED, APART))
        last: Response | None = None
        for group in groups:
            try:
                answered = await _first_answer(request, owner, body, group)
            except Unanswered:
                return refused(Refusal(HTTPStatus.BAD_GATEWAY, BROKE_OFF))
            if answered is None:
                if body.replays:
                    continue
                break
            if answered.status != HTTPStatus.NOT_FOUND or len(groups) == 1 or not body.replays:
                return answered
            last = await answered.whole()  # another server may have the job
        return last or refused(Refusal(HTTPStatus.BAD_GATEWAY, NO_SERVER, AGAIN))


def refused(refusal: Refusal) -> Response:
    """As OpenAI's clients read it."""
    told = {"error": refusal.error(VIDEOS_PATH)}
    return JSONResponse(told, refusal.status, dict(refusal.headers))


def _groups(table: Table) -> list[list[Backend]]:
    """Servers that answer alike, those first that are most likely to have room. Those that take no
    orders are asked where there are no others, and say why."""
    groups: dict[str, list[Backend]] = {}
    known = [(one, one.slots.jobs_store if one.slots else None) for one in alive(table)]
    taking = [(one, store) for one, store in known if store is not None]
    for one, store in taking or known:
        groups.setdefault(store or one.address.url, []).append(one)
    return list(groups.values())


def _lists(request: Request) -> bool:
    return request.method == "GET" and request.url.path.rstrip("/") == VIDEOS_PATH


async def _first_answer(
    request: Request, owner: str, body: Body, group: list[Backend]
) -> Answered | None:
    """Of servers that answer alike, but not all of them may take orders now. What one may have done
    already is not asked of another. None: nobody answers. Raises `ClientDisconnect`."""
    again = request.method == "GET" or "idempotency-key" in request.headers
    answered: Answered | None = None
    for backend in group:
        if answered is not None:
            await answered.stack.aclose()
        try:
            answered = await _unless_left(request, body, ask(request, backend, owner, body))
        except NotReached:
            answered = None
        except Unanswered:
            if not again:
                raise
            answered = None
        busy = answered is not None and answered.status == HTTPStatus.SERVICE_UNAVAILABLE
        if not body.replays or (answered is not None and not busy):
            break
    return answered


async def _unless_left(request: Request, body: Body, asking: Awaitable[Answered]) -> Answered:
    """Who leaves while a video is made stops it: the server sees its connection end. Raises what
    `asking` raises, and `ClientDisconnect`."""
    answering = asyncio.ensure_future(asking)
    leaving = asyncio.create_task(_left(request, body))
    try:
        await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            return answering.result()
        raise ClientDisconnect
    finally:
        for task in (answering, leaving):
            task.cancel()
        await asyncio.wait([answering, leaving])


async def _left(request: Request, body: Body) -> None:
    await body.ended.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass
