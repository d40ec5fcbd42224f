"""A look at everything: fills the cache at the start, and every ten minutes finds what a watch
did not tell.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matinee_operator.cache import OWN_KINDS, Cache, key_of
from matinee_operator.errors import ApiError
from matinee_operator.handlers import CHILDREN, OURS
from matinee_operator.health import Health
from matinee_operator.kube import Kube
from matinee_operator.metrics import Metrics
from matinee_operator.names import Key

logger = logging.getLogger(__name__)

GRACE_S = 30.0
"""How long an event may be under way before its watch is called quiet."""


@dataclass(slots=True)
class Resync:
    """`seen` gets what a watch should have told; `enqueue` every object of this API."""

    kube: Kube
    cache: Cache
    health: Health
    metrics: Metrics
    kinds: tuple[str, ...]
    namespaces: tuple[str, ...]
    seen: Callable[[bool, Mapping[str, Any]], None]
    enqueue: Callable[[Key], None]

    async def first(self) -> None:
        """Fill the cache."""
        for kind in self.kinds:
            for namespace in self._places(kind):
                for raw in await self._list(kind, namespace):
                    self.seen(False, raw)
        self.health.synced = True

    async def run(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                for kind in self.kinds:
                    for namespace in self._places(kind):
                        await self._check(kind, namespace)
            except ApiError as error:
                logger.warning("the look at everything was cut short: %s", error)
                continue
            for kind in OWN_KINDS:
                for raw in self.cache.of_kind(kind):
                    self.enqueue(key_of(raw))

    async def _check(self, kind: str, namespace: str | None) -> None:
        listed = await self._list(kind, namespace)
        missed = self.cache.missed(listed, kind, namespace)
        if missed:
            await asyncio.sleep(GRACE_S)
            still = {id(raw) for raw in self.cache.missed(listed, kind, namespace)}
            missed = [raw for raw in missed if id(raw) in still]
        present = {key_of(raw) for raw in listed}
        for raw in missed:
            self.metrics.count("missed_events_total", kind=kind)
            self.health.quiet_watches.add(kind)
            self.seen(key_of(raw) not in present, raw)

    async def _list(self, kind: str, namespace: str | None) -> list[dict[str, Any]]:
        return await self.kube.list(kind, namespace, OURS if kind in CHILDREN else "")

    def _places(self, kind: str) -> tuple[str | None, ...]:
        return self.namespaces or (None,)
