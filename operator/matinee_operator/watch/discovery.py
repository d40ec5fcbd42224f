"""Which kinds the API server serves.

Without ours there is nothing to do, and no restart brings them: the operator says which CRD is
missing and waits for it. PodMonitors and HTTPRoutes may come and go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from matinee_api.kinds.meta import API_VERSION
from matinee_operator.clients.kube import PATHS, Kube
from matinee_operator.clients.retry import Retry, until_available
from matinee_operator.errors import OperatorError
from matinee_operator.health import Health
from matinee_operator.observe.cache import OWN_KINDS
from matinee_operator.watch.handlers import OPTIONAL

logger = logging.getLogger(__name__)

LOOK_S = 60.0
"""How long a kind may be there, or gone, before it is noticed."""
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 15.0


class KindsMissing(OperatorError):
    """CRDs of ours are not installed any more; the message names them."""


@dataclass(slots=True)
class Discovery:
    """`changed` is called with the optional kinds that are served, when others were before."""

    kube: Kube
    health: Health
    changed: Callable[[frozenset[str]], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _served: frozenset[str] = frozenset()

    async def first(self) -> None:
        """Wait until every kind of ours is served."""
        retry = Retry(FIRST_BACKOFF_S, LONGEST_BACKOFF_S)
        while missing := await self._missing():
            if self.health.waits_for != missing:
                logger.warning("%s", missing)
                self.health.waits_for = missing
            await self.sleep(retry.failed())
        self.health.waits_for = ""
        await self._look_for_optional()

    async def run(self, every_s: float) -> None:
        """Until a kind of ours is gone. Raises `KindsMissing`."""
        while True:
            await self.sleep(every_s)
            await self.check()
            await self._look_for_optional()

    async def check(self) -> None:
        """Raises `KindsMissing`: a watch whose kind is gone does not come back by itself."""
        if missing := await self._missing():
            raise KindsMissing(missing)

    async def _missing(self) -> str:
        """A sentence that names them; empty when nothing is missing."""
        served = await until_available(lambda: self.kube.plurals(API_VERSION))
        group = API_VERSION.partition("/")[0]
        wanted = [PATHS[kind][1] for kind in OWN_KINDS]
        names = [f"{plural}.{group}" for plural in wanted if plural not in served]
        if not names:
            return ""
        return (
            f"the cluster has no CRD {', '.join(names)}: install the chart with crds.install=true"
        )

    async def _look_for_optional(self) -> None:
        found = frozenset([kind for kind in OPTIONAL if await self._is_served(kind)])
        if found != self._served:
            self._served = found
            self.changed(found)

    async def _is_served(self, kind: str) -> bool:
        prefix, plural = PATHS[kind]
        group = prefix.removeprefix("apis/")
        return plural in await until_available(lambda: self.kube.plurals(group))
