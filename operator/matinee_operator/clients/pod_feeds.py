"""The pods' own HTTP: what each of them streams, and the orders to them.

Runtime pods stream their slots, pods that fetch weights their progress, and Routers' pods their
state, a line of JSON at a time.
A feed is read as long as its pod runs. When it breaks, by a bug too, what is known becomes unknown
at once, of a Router's pod after some seconds, and it is opened again after a backoff that doubles.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import aiohttp

from matinee_api.contracts import pod_http
from matinee_api.contracts.fetch import FetchProgress
from matinee_api.contracts.pod_http import (
    DOOR_PATH,
    DOWNLOAD_PATH,
    DRAIN_PATH,
    HEARTBEAT_S,
    SLOTS_PATH,
    TABLE_PATH,
    DoorOrder,
    DrainOrder,
    RouterState,
)
from matinee_operator.actions import Drain, SetDoor
from matinee_operator.clients.retry import Retry
from matinee_operator.errors import PodUnreachable
from matinee_operator.objects import Address, Key
from matinee_operator.observe.pods import Slots

logger = logging.getLogger(__name__)

Said = Slots | FetchProgress | RouterState

SILENCE_S = 2.5 * HEARTBEAT_S
"""After this without a heartbeat the feed is opened again."""
ROUTER_SILENCE_S = 5.0
"""The same of a Router's pod, which says something every second."""
ROUTER_KEPT_S = 10.0
"""So long its last word counts: what it knows does not change whenever its feed is opened again."""
CONNECT_S = 3.0
LINE_S = 0.01
"""Between two lines of a pod: one that floods us costs no more than a hundred lines a second."""
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.2, 60.0
ORDER_TIMEOUT_S = 5.0
VERBS = {Drain: "drain", SetDoor: "change who may come in"}


def pod_session() -> aiohttp.ClientSession:
    """Every pod's feed stays open, so there are as many connections as pods: no limit. What a pod
    sends is taken as it is: nothing is unpacked, and no cookie is kept. No proxy leads to a pod. A
    certificate of a pod is for the name that viewers use, not for its address: it is not checked,
    and TLS to a pod protects as much as plain HTTP."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


@dataclass(frozen=True, slots=True)
class Stream:
    """What a kind of pods streams; `parse` raises `ValueError` on a line that is no such thing.
    `kept_s`: for so long the last line counts after the feed broke."""

    path: str
    parse: Callable[[bytes], Said]
    silence_s: float = SILENCE_S
    kept_s: float = 0.0


@dataclass(slots=True, eq=False)
class _Feed:
    uid: str
    root: Key
    stream: Stream
    url: str
    tokens: tuple[str, ...]
    said: Said | None = None
    token_refused: bool = False
    forgetting: asyncio.TimerHandle | None = None
    retry: Retry = field(default_factory=lambda: Retry(FIRST_BACKOFF_S, LONGEST_BACKOFF_S))


@dataclass(slots=True)
class PodFeeds:
    """`changed` is called with the pods' root whenever one of them says something new."""

    session: aiohttp.ClientSession
    changed: Callable[[Key], None]
    port: int | None = None
    """Another one than the pods say, for all: in tests, one server stands for many pods."""
    _feeds: dict[str, _Feed] = field(default_factory=dict)
    _tasks: dict[_Feed, asyncio.Task[None]] = field(default_factory=dict)
    """Also of feeds that were cancelled and have not ended yet."""

    def follow(
        self,
        root: Key,
        stream: Stream,
        pods: Mapping[str, Address],
        tokens: tuple[str, ...] = ("",),
    ) -> None:
        """Read the feeds of these pods (uid -> address) of the root, and of no others. `tokens`:
        each pod wants one of them of who reads; an empty one is none."""
        for uid, feed in list(self._feeds.items()):
            if feed.root == root and uid not in pods:
                self._forget(uid)
        for uid, address in pods.items():
            if uid not in self._feeds:
                url = f"{self._url(address)}{stream.path}"
                self._begin(_Feed(uid, root, stream, url, tokens))

    def slots(self, uid: str) -> Slots | None:
        said = self._said(uid)
        return said if isinstance(said, Slots) else None

    def progress(self, uid: str) -> FetchProgress | None:
        said = self._said(uid)
        return said if isinstance(said, FetchProgress) else None

    def router(self, uid: str) -> RouterState | None:
        said = self._said(uid)
        return said if isinstance(said, RouterState) else None

    def token_refused(self, uid: str) -> bool:
        """Whether this pod answers that it wants another token than ours."""
        feed = self._feeds.get(uid)
        return feed is not None and feed.token_refused

    @property
    def count(self) -> int:
        return len(self._feeds)

    async def close(self) -> None:
        for uid in list(self._feeds):
            self._forget(uid)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def order(self, order: Drain | SetDoor, tokens: tuple[str, ...]) -> None:
        """Raises `PodUnreachable`."""
        ip, status = order.address.ip, 0
        try:
            for token in tokens:
                status = await self._ordered(order, token)
                if status != HTTPStatus.UNAUTHORIZED:
                    break
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PodUnreachable(
                f"{ip}: the order to {VERBS[type(order)]} failed: {error!r}"
            ) from error
        if status != HTTPStatus.OK:
            raise PodUnreachable(f"{ip} does not {VERBS[type(order)]}: HTTP {status}")

    async def _ordered(self, order: Drain | SetDoor, token: str) -> int:
        method, path, body = request_of(order)
        async with self.session.request(
            method,
            f"{self._url(order.address)}{path}",
            json=body,
            headers=_bearer(token),
            timeout=aiohttp.ClientTimeout(total=ORDER_TIMEOUT_S),
            allow_redirects=False,
        ) as answer:
            return answer.status

    def _said(self, uid: str) -> Said | None:
        feed = self._feeds.get(uid)
        return feed.said if feed else None

    def _begin(self, feed: _Feed) -> None:
        task = asyncio.create_task(self._keep_reading(feed), name=f"feed {feed.url}")
        self._feeds[feed.uid], self._tasks[feed] = feed, task
        task.add_done_callback(lambda _task: self._tasks.pop(feed))

    def _forget(self, uid: str) -> None:
        if task := self._tasks.get(self._feeds.pop(uid)):  # none: kopf cancelled it as it ended
            task.cancel()

    async def _keep_reading(self, feed: _Feed) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self._read(feed)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                logger.debug("%s: %r", feed.url, error)
            except Exception:
                logger.exception("%s is read again: this is a bug", feed.url)
            await asyncio.sleep(feed.retry.failed())

    async def _read(self, feed: _Feed) -> None:
        """One connection, until it ends."""
        try:
            for token in feed.tokens:
                if await self._read_as(feed, token):
                    return
            self._know(feed, None, token_refused=True)
        finally:
            self._lost(feed)

    async def _read_as(self, feed: _Feed, token: str) -> bool:
        """False at once when the pod wants another token."""
        silence_s = feed.stream.silence_s
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=silence_s)
        async with self.session.get(
            feed.url, headers=_bearer(token), timeout=timeout, allow_redirects=False, ssl=False
        ) as answer:
            if answer.status == HTTPStatus.UNAUTHORIZED:
                return False
            self._know(feed, feed.said)
            if answer.status != HTTPStatus.OK:  # nor does a pod send us elsewhere
                raise ValueError(f"HTTP {answer.status}")
            now, read_at = asyncio.get_running_loop().time, 0.0
            async for line in answer.content:
                said = feed.stream.parse(line)
                feed.retry.reset()
                self._counts_on(feed)
                self._know(feed, said)
                if now() - read_at < LINE_S:
                    await asyncio.sleep(LINE_S)
                read_at = now()
            return True

    def _lost(self, feed: _Feed) -> None:
        """The connection broke: what is known becomes unknown, now or in a while."""
        if feed.forgetting is not None:
            return
        if feed.said is None or not feed.stream.kept_s:
            self._know(feed, None, token_refused=feed.token_refused)
        elif self._feeds.get(feed.uid) is feed:
            loop = asyncio.get_running_loop()
            feed.forgetting = loop.call_later(feed.stream.kept_s, self._outlived, feed)

    def _outlived(self, feed: _Feed) -> None:
        """Its last word counts no longer."""
        feed.forgetting = None
        self._know(feed, None, token_refused=feed.token_refused)

    @staticmethod
    def _counts_on(feed: _Feed) -> None:
        """It is heard again."""
        if feed.forgetting is not None:
            feed.forgetting.cancel()
            feed.forgetting = None

    def _know(self, feed: _Feed, said: Said | None, *, token_refused: bool = False) -> None:
        """Notify the listener, but only while the pod is followed."""
        if (feed.said, feed.token_refused) != (said, token_refused):
            feed.said, feed.token_refused = said, token_refused
            if self._feeds.get(feed.uid) is feed:
                self.changed(feed.root)

    def _url(self, address: Address) -> str:
        host = f"[{address.ip}]" if ":" in address.ip else address.ip
        return f"{address.scheme}://{host}:{self.port or address.port}"


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def request_of(order: Drain | SetDoor) -> tuple[str, str, dict[str, object]]:
    """Method, path and body. Defaults are left out, so that a runtime of an older release knows
    every key."""
    if isinstance(order, SetDoor):
        return "PUT", DOOR_PATH, DoorOrder(routers_only=order.routers_only).model_dump(mode="json")
    on_deadline: Literal["migrate", "close"] = "migrate" if order.migrate else "close"
    wanted = DrainOrder(deadline_seconds=order.deadline_s, on_deadline=on_deadline)
    return "POST", DRAIN_PATH, wanted.model_dump(mode="json", exclude_defaults=True)


def parse_slots(line: bytes) -> Slots:
    """One line of `/v1/slots`. Raises `ValueError`. A newer runtime may say more."""
    return Slots.of(pod_http.Slots.model_validate_json(line, extra="ignore"))


def parse_progress(line: bytes) -> FetchProgress:
    """One line of `/v1/download`. Raises `ValueError`. A newer runtime may say more."""
    return FetchProgress.model_validate_json(line, extra="ignore")


def parse_router(line: bytes) -> RouterState:
    """One line of `/v1/table`. Raises `ValueError`. A newer router may say more."""
    return RouterState.model_validate_json(line, extra="ignore")


SLOTS = Stream(SLOTS_PATH, parse_slots)
PROGRESS = Stream(DOWNLOAD_PATH, parse_progress)
ROUTER = Stream(TABLE_PATH, parse_router, ROUTER_SILENCE_S, ROUTER_KEPT_S)
