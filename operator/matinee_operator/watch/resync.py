"""Full relist: fills the cache at the start; later, every ten minutes and when a watch had to
restart, finds changes that the watches missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from matinee_api.kinds.meta import GROUP
from matinee_operator.clients.kube import METADATA, Kube
from matinee_operator.clients.retry import until_available
from matinee_operator.errors import NotFound
from matinee_operator.health import Health
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, Object, key_of
from matinee_operator.observe.cache import OTHERS, OWN_KINDS, Cache
from matinee_operator.ownership import controller_of, made_for
from matinee_operator.watch.handlers import CLUSTER_WIDE, NOT_OURS, OPTIONAL, OURS

logger = logging.getLogger(__name__)

UNLABELLED = (*OWN_KINDS, *CLUSTER_WIDE)
SETTLE_S = 5.0
"""After the list of one watch: those of the others often come with it."""


@dataclass(slots=True)
class Resync:
    """`seen` gets the changes that a watch missed; `enqueue` every object of this API."""

    kube: Kube
    cache: Cache
    health: Health
    metrics: Metrics
    kinds: tuple[str, ...]
    namespaces: tuple[str, ...]
    seen: Callable[[bool, Mapping[str, Any]], None]
    enqueue: Callable[[Key], None]
    grace_s: float = 10.0
    """How long an event may be under way."""
    _missed_before: set[str] = field(default_factory=set)
    _relisted: asyncio.Event = field(default_factory=asyncio.Event)

    async def first(self) -> None:
        """Fill the cache, however long the API server takes."""
        for kind in self.kinds:
            for namespace in self._places(kind):
                await until_available(partial(self._list, kind, namespace, kept=self._take))
        self.health.synced = True

    def _take(self, raw: Object) -> bool:
        """Each object as its page comes, so that no list of all is ever in memory."""
        self.seen(False, raw)
        return False

    def relisted(self) -> None:
        """A watch restarted with a list: no event reports what was deleted in between."""
        self._relisted.set()

    async def run(self, every_s: float) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._relisted.wait()
                    await asyncio.sleep(SETTLE_S)
            self._relisted.clear()
            await self.relist()

    async def relist(self) -> None:
        """List everything, repair the cache, and enqueue every object of this API. A watch that
        missed something in two relists in a row counts as stalled; optional kinds have none."""
        missed = set()
        for kind in self.kinds:
            for namespace in self._places(kind):
                if await self._repair(kind, namespace) and kind not in OPTIONAL:
                    missed.add(kind)
                await self.find_lost(kind, namespace)
        self.health.stalled_watches |= missed & self._missed_before
        self._missed_before = missed
        for kind in OWN_KINDS:
            for raw in self.cache.of_kind(kind):
                self.enqueue(key_of(raw))

    async def find_lost(self, kind: str, namespace: str | None) -> None:
        """Children that lost the label by which they are watched, by their metadata."""
        if kind in (*UNLABELLED, *OTHERS):  # its labels are others' business
            return
        ask = partial(self._list, kind, namespace, NOT_OURS, accept=METADATA, kept=_is_a_child)
        for raw in await until_available(ask):
            with contextlib.suppress(NotFound):
                self.seen(False, await until_available(partial(self.kube.get, key_of(raw))))

    async def _repair(self, kind: str, namespace: str | None) -> bool:
        """Whether there was a change that the watch missed for longer than `grace_s`. As long as
        nothing seems to be missed, only metadata is read."""
        missed = set(map(key_of, await self._news(kind, namespace, accept=METADATA)))
        if not missed:
            return False
        await asyncio.sleep(self.grace_s)
        late = [raw for raw in await self._news(kind, namespace) if key_of(raw) in missed]
        for raw in late:
            self._report_missed(False, raw)
        return bool(late)

    async def _news(self, kind: str, namespace: str | None, **how: Any) -> list[dict[str, Any]]:
        """What there is and is newer than what is known. What was known before and is not there any
        more is forgotten: a list is never older than the request for it."""
        before, present = list(self.cache.of_kind(kind, namespace)), set[Key]()

        def is_news(raw: Object) -> bool:
            present.add(key_of(raw))
            return self.cache.is_news(raw)

        listed = await until_available(partial(self._list, kind, namespace, kept=is_news, **how))
        for raw in before:
            if key_of(raw) not in present and self.cache.get(key_of(raw)) is raw:
                self._report_missed(True, raw)
        return listed

    def _report_missed(self, gone: bool, raw: Mapping[str, Any]) -> None:
        self.metrics.count("missed_events_total", kind=raw["kind"])
        logger.warning("the watches missed %s", key_of(raw))
        self.seen(gone, raw)

    async def _list(
        self, kind: str, namespace: str | None, marks: str = OURS, **how: Any
    ) -> list[dict[str, Any]]:
        """`marks`: labels of the children that are wanted. `how`: as `Kube.list` takes it."""
        wanted = "" if kind in UNLABELLED else marks
        try:
            return await self.kube.list(kind, namespace, wanted, **how)
        except NotFound:
            if kind in OPTIONAL:  # it is not installed
                return []
            raise

    def _places(self, kind: str) -> tuple[str | None, ...]:
        return self.namespaces or (None,)


def _is_a_child(raw: Object) -> bool:
    """As its owner or it itself says."""
    controller = controller_of(raw)
    group = str(controller.get("apiVersion", "")).partition("/")[0] if controller else ""
    return group == GROUP or made_for(raw) is not None
