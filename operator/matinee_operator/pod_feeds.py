"""The pods' own HTTP: a stream of slots from each of them, and the order to drain.

A feed is read as long as its pod runs. When it breaks, what is known becomes unknown at once, and
it is opened again after a pause that doubles.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import aiohttp

from matinee_operator.actions import Drain
from matinee_operator.errors import PodUnreachable
from matinee_operator.names import Key
from matinee_operator.observed import ObservedPod, Slots
from matinee_operator.resources.runtime_config import PORT

logger = logging.getLogger(__name__)

SILENCE_S = 40.0
"""A pod says something every 15 s; after this the feed is opened again."""
CONNECT_S = 3.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 60.0
DRAIN_TIMEOUT_S = 5.0


def pod_session() -> aiohttp.ClientSession:
    """Every pod's feed stays open, so there are as many connections as pods: no limit."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


@dataclass(slots=True)
class _Feed:
    task: asyncio.Task[None]
    service: Key
    slots: Slots | None = None


@dataclass(slots=True)
class PodFeeds:
    """`changed` is called with the service whenever something is known that was not before."""

    session: aiohttp.ClientSession
    changed: Callable[[Key], None]
    port: int = PORT
    _feeds: dict[str, _Feed] = field(default_factory=dict)

    def follow(self, service: Key, pods: Iterable[ObservedPod]) -> None:
        """Read the feeds of these pods of the service, and of no others."""
        wanted = {pod.uid: pod for pod in pods if pod.running and pod.ip and not pod.finished}
        for uid, feed in list(self._feeds.items()):
            if feed.service == service and uid not in wanted:
                self._forget(uid)
        for uid, pod in wanted.items():
            if uid not in self._feeds:
                task = asyncio.create_task(self._read(uid, pod.ip or ""), name=f"feed {pod.name}")
                self._feeds[uid] = _Feed(task, service)

    def slots(self, uid: str) -> Slots | None:
        feed = self._feeds.get(uid)
        return feed.slots if feed else None

    @property
    def count(self) -> int:
        return len(self._feeds)

    async def close(self) -> None:
        tasks = [feed.task for feed in self._feeds.values()]
        for uid in list(self._feeds):
            self._forget(uid)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self, order: Drain, token: str) -> None:
        """Raises `PodUnreachable`."""
        ip, headers = order.ip, {"Authorization": f"Bearer {token}"}
        body: dict[str, object] = {"deadline_seconds": order.deadline_s}
        if not order.migrate:  # the other is what runtimes do by themselves
            body["on_deadline"] = "close"
        timeout = aiohttp.ClientTimeout(total=DRAIN_TIMEOUT_S)
        try:
            async with self.session.post(
                f"{self._url(ip)}/v1/drain", json=body, headers=headers, timeout=timeout
            ) as answer:
                if answer.status != 200:
                    raise PodUnreachable(f"{ip} does not drain: HTTP {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PodUnreachable(f"{ip} cannot be told to drain: {error!r}") from error

    def _forget(self, uid: str) -> None:
        self._feeds.pop(uid).task.cancel()

    async def _read(self, uid: str, ip: str) -> None:
        pause = FIRST_PAUSE_S
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
                async for slots in self._lines(ip):
                    pause = FIRST_PAUSE_S
                    self._know(uid, slots)
            self._know(uid, None)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _lines(self, ip: str) -> AsyncIterator[Slots]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        async with self.session.get(f"{self._url(ip)}/v1/slots", timeout=timeout) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                yield parse_slots(line)

    def _know(self, uid: str, slots: Slots | None) -> None:
        feed = self._feeds.get(uid)
        if feed is not None and feed.slots != slots:
            feed.slots = slots
            self.changed(feed.service)

    def _url(self, ip: str) -> str:
        host = f"[{ip}]" if ":" in ip else ip
        return f"http://{host}:{self.port}"


def parse_slots(line: bytes) -> Slots:
    """One line of `/v1/slots`. Raises `ValueError`."""
    told = json.loads(line)
    try:
        return Slots(
            used=int(told["used"]),
            total=int(told["total"]),
            queued=int(told["queued"]),
            draining=bool(told["draining"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a line of /v1/slots: {line[:100]!r}") from error
