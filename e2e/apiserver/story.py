"""The operator without its watches, against a real API server: what a test drives step by step.

`Life` is one process: it starts with empty hands, looks at everything, and reconciles until there
is nothing left to write. A `MortalKube` dies when its n-th write was done, as a killed process
does; the next life goes on from what the API server has.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from e2e.apiserver.program import PATIENCE_S
from matinee_api.contracts.pod_http import RouterState
from matinee_operator import labels
from matinee_operator.clients.events import Events
from matinee_operator.clients.kube import Kube
from matinee_operator.clients.pod_feeds import PodFeeds
from matinee_operator.errors import NameTaken, OperatorError, Refused
from matinee_operator.health import Health
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, key_of
from matinee_operator.observe.cache import OWN_KINDS, Cache
from matinee_operator.observe.snapshots import Snapshots
from matinee_operator.reconciler import Reconciler
from matinee_operator.watch import handlers
from matinee_operator.watch.resync import Resync
from tests.unit.operator.making import INSTALLATION

OPERATOR_KEYS = ("0123456789abcdef",)
ROUNDS = 20
TOLD = (NameTaken, Refused)
"""What is in the status before the key comes back to the queue."""


@dataclass(frozen=True, slots=True)
class Routers:
    """What the Routers' pods have said last."""

    cache: Cache
    feeds: PodFeeds

    @property
    def said(self) -> list[RouterState]:
        pods = (raw["metadata"]["uid"] for raw in self.cache.of_kind("Pod"))
        return [state for uid in pods if (state := self.feeds.router(uid))]

    @property
    def waiting(self) -> int:
        """Viewers who are queued."""
        return sum(state.queued for state in self.said)

    def knows(self, pod: str) -> bool:
        """Whether one of them sends viewers to this pod."""
        return any(pod in state.backends for state in self.said)


class Killed(BaseException):
    """The process is gone; nobody catches this."""


class MortalKube(Kube):
    """Dies when so many writes were done and before anybody knew of the last; with 0, where it
    would begin to write."""

    def __init__(self, kube: Kube, dies_after: int | None = None) -> None:
        super().__init__(kube.client, kube.metrics)
        self.writes = 0
        self._dies_after = dies_after

    async def request(self, method: str, *more: Any, **named: Any) -> dict[str, Any]:
        if method == "GET":
            return await super().request(method, *more, **named)
        if self._dies_after == 0:
            raise Killed
        answer = await super().request(method, *more, **named)
        self.writes += 1
        if self.writes == self._dies_after:
            raise Killed
        return answer


def life(kube: Kube, session: aiohttp.ClientSession, namespace: str) -> Life:
    """One that nobody kills."""
    return Life(MortalKube(kube), session, namespace)


class Life:
    """One process of the operator, for one namespace. `ahead`: how far its clock is set forward.
    `sees_nodes`: as one of the whole cluster. `thorough`: it also looks for children that lost
    their labels, as each full relist does."""

    def __init__(
        self,
        kube: Kube,
        session: aiohttp.ClientSession,
        namespace: str,
        feed_port: int | None = None,
    ) -> None:
        self.kube, self.cache = kube, Cache()
        self.ahead = timedelta()
        self.sees_nodes = False
        self.thorough = False
        self._namespace = namespace
        self._heard: asyncio.Queue[Key] = asyncio.Queue()
        self._feeds = PodFeeds(session, self._heard.put_nowait, feed_port)
        self._events = Events(kube, "test", self._now)

    async def settle(self, tolerated: tuple[type[OperatorError], ...] = ()) -> int:
        """Until a whole round writes nothing. How many requests changed something."""
        self.cache = Cache()
        resync = self._resync()
        await resync.first()
        for kind in handlers.CHILDREN if self.thorough else ():
            await resync.find_lost(kind, self._namespace)
        for raw in await self.kube.list("Node") if self.sees_nodes else []:
            self._seen(False, raw)
        reconciler = self._reconciler()
        assert isinstance(self.kube, MortalKube)
        began = self.kube.writes
        for _ in range(ROUNDS):
            before = self.kube.writes
            for key in self._keys():
                with contextlib.suppress(*tolerated):
                    await reconciler.reconcile(key)
            if self.kube.writes == before:
                return before - began
        raise AssertionError("it never comes to rest")

    async def hears(self, used: int) -> None:
        """Until every pod of a service has told who plays there, and so many slots are used."""
        await self.until(lambda _heard: self._has_heard(used))

    async def until(self, holds: Callable[[Routers], bool]) -> None:
        """Until what pods have said makes it so."""
        routers = Routers(self.cache, self._feeds)
        async with asyncio.timeout(PATIENCE_S):
            while not holds(routers):
                await self._heard.get()

    def _has_heard(self, used: int) -> bool:
        pods = [
            raw["metadata"]["uid"]
            for raw in self.cache.of_kind("Pod")
            if labels.SERVICE in (raw["metadata"].get("labels") or {})
        ]
        told = [slots.used for uid in pods if (slots := self._feeds.slots(uid))]
        return len(told) == len(pods) and sum(told) == used

    async def close(self) -> None:
        await self._feeds.close()

    def _resync(self) -> Resync:
        return Resync(
            kube=self.kube,
            cache=self.cache,
            health=Health(lambda: 0.0),
            metrics=Metrics(),
            kinds=handlers.listed((self._namespace,)),
            namespaces=(self._namespace,),
            seen=self._seen,
            enqueue=lambda _key: None,
        )

    def _reconciler(self) -> Reconciler:
        return Reconciler(
            kube=self.kube,
            snapshots=Snapshots(self.cache, self._feeds, INSTALLATION, OPERATOR_KEYS),
            feeds=self._feeds,
            events=self._events,
            metrics=Metrics(),
            now=self._now,
            seen=self._seen,
        )

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def _keys(self) -> list[Key]:
        return [key_of(raw) for kind in OWN_KINDS for raw in self.cache.of_kind(kind)]

    def _seen(self, gone: bool, raw: Mapping[str, Any]) -> None:
        (self.cache.remove if gone else self.cache.put)(raw)
