"""A look at everything: fills the cache at the start, and every ten minutes finds what a watch
did not tell.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
"""How long an event may be under way."""
FIRST_LOOK_S = 15.0
"""After the start: what went between our first list and that of the watch, no event tells of."""


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
    _missed_before: set[str] = field(default_factory=set)

    async def first(self) -> None:
        """Fill the cache."""
        for kind in self.kinds:
            for namespace in self._places(kind):
                for raw in await self._list(kind, namespace):
                    self.seen(False, raw)
        self.health.synced = True

    async def run(self, every_s: float) -> None:
        pause_s = min(FIRST_LOOK_S, every_s)
        while True:
            await asyncio.sleep(pause_s)
            pause_s = every_s
            try:
                await self.look()
            except ApiError as error:
                logger.warning("the look at everything was cut short: %s", error)

    async def look(self) -> None:
        """Compare, mend, and have every object of this API looked at. A watch that missed
        something twice in a row is called quiet."""
        missed = set()
        for kind in self.kinds:
            for namespace in self._places(kind):
                if await self._mend(kind, namespace):
                    missed.add(kind)
        self.health.quiet_watches |= missed & self._missed_before
        self._missed_before = missed
        for kind in OWN_KINDS:
            for raw in self.cache.of_kind(kind):
                self.enqueue(key_of(raw))

    async def _mend(self, kind: str, namespace: str | None) -> bool:
        """Whether there was something that the watch had not told within `GRACE_S`."""
        listed = await self._list(kind, namespace)
        missed = self.cache.missed(listed, kind, namespace)
        if missed:
            await asyncio.sleep(GRACE_S)
            listed = await self._list(kind, namespace)
            known = {key_of(raw) for raw in missed}
            now = self.cache.missed(listed, kind, namespace)
            missed = [raw for raw in now if key_of(raw) in known]
        present = {key_of(raw) for raw in listed}
        for raw in missed:
            self.metrics.count("missed_events_total", kind=kind)
            logger.warning("the watch did not tell of %s", key_of(raw))
            self.seen(key_of(raw) not in present, raw)
        return bool(missed)

    async def _list(self, kind: str, namespace: str | None) -> list[dict[str, Any]]:
        return await self.kube.list(kind, namespace, OURS if kind in CHILDREN else "")

    def _places(self, kind: str) -> tuple[str | None, ...]:
        return self.namespaces or (None,)
