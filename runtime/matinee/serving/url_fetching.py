"""Fetches what a client names by a URL, from public addresses only, within bounds.

Server-side request forgery: a client lets the server ask what only the server can reach. So every
address that a name resolves to is checked, and the connection goes to the one that was checked,
whatever the name resolves to a moment later; each redirect begins from the start. No proxy is used,
no cookie, no header of the client's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from urllib.parse import urljoin

from matinee.serving.http_client import Answer, Unanswered, asked
from matinee.serving.public_addresses import Networks, Target, UrlRefused, is_allowed, target_of

MOST_REDIRECTS = 3
MOST_AT_ONCE = 8
REDIRECTS = (301, 302, 303, 307, 308)
HEADERS = {"user-agent": "matinee", "accept": "image/*", "accept-encoding": "identity"}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name and a port to addresses. Raises OSError."""
Take = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FetchBounds:
    """`seconds`: for all of it. `networks`: allowed besides public ones, as CIDR. `types`: what a
    `content-type` may begin with."""

    most_bytes: int
    seconds: float
    networks: Networks = ()
    types: tuple[str, ...] = ("image/", "application/octet-stream")


@cache
def _threads() -> ThreadPoolExecutor:
    """For names alone, whose servers may be a stranger's, and slow."""
    return ThreadPoolExecutor(MOST_AT_ONCE, "names")


async def resolved(host: str, port: int) -> list[str]:
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_threads(), ask)
    return [str(address[0]) for *_, address in found]


class UrlFetcher:
    def __init__(self, bounds: FetchBounds, resolve: Resolve = resolved) -> None:
        self._bounds, self._resolve = bounds, resolve
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def fetch(self, url: str, take: Take) -> None:
        """`take` gets the pieces. Raises `UrlRefused`, also for what does not answer, and what
        `take` raises."""
        try:
            async with asyncio.timeout(self._bounds.seconds), self._places:
                for _ in range(1 + MOST_REDIRECTS):
                    further = await self._ask(url, take)
                    if further is None:
                        return
                    url = further
        except TimeoutError:
            raise UrlRefused(f"the URL was not read within {self._bounds.seconds:g} s") from None
        raise UrlRefused(f"the URL leads on more than {MOST_REDIRECTS} times")

    async def _ask(self, url: str, take: Take) -> str | None:
        """The URL that this one leads to, or None when all of it was taken."""
        target = target_of(url)
        address = await self._checked_address(target)
        try:
            async with asked(
                target.origin, target.path, HEADERS, timeout_s=None, address=address
            ) as answer:
                headers = dict(answer.headers)
                if answer.status in REDIRECTS and "location" in headers:
                    return _joined(url, headers["location"])
                self._check_head(answer.status, headers)
                await self._take_all(answer, take)
        except Unanswered:
            raise UrlRefused("nothing could be read from the URL") from None
        return None

    async def _checked_address(self, target: Target) -> str:
        try:
            addresses = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise UrlRefused(f"{target.host[:64]} has no address")
        if not all(is_allowed(address, self._bounds.networks) for address in addresses):
            raise UrlRefused(f"{target.host[:64]} is not at a public address")
        return addresses[0]

    def _check_head(self, status: int, headers: dict[str, str]) -> None:
        if status != 200:
            raise UrlRefused(f"the URL was answered with {status}")
        kind = headers.get("content-type", "").strip().lower()
        if not kind.startswith(self._bounds.types):
            raise UrlRefused(f"the URL is no image, but {kind[:64] or 'of no type'}")
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise UrlRefused("the URL was answered in a coding that was not asked for")

    async def _take_all(self, answer: Answer, take: Take) -> None:
        taken = 0
        async for piece in answer.pieces():
            taken += len(piece)
            if taken > self._bounds.most_bytes:
                raise UrlRefused(f"the URL has more than {self._bounds.most_bytes} bytes")
            await take(piece)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise UrlRefused("the URL leads to what is no URL") from None
