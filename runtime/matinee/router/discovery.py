"""Keeps the table's backends as the EndpointSlices have them, whatever becomes of the API server.

What cannot be heard changes nothing: while a watch or a list fails, for whatever reason, the
backends stay as they were, and their own health says which of them live.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from matinee.router.api_server import ApiServer, Expired
from matinee.router.endpoints import Endpoints, EndpointSlice, parsed
from matinee.router.table import Table
from matinee.serving.http_client import Unanswered
from matinee_api.backoff import backoff
from matinee_api.config.router_config import KubernetesConfig

FIRST_RETRY_S, LONGEST_RETRY_S = 0.25, 15.0

logger = logging.getLogger(__name__)


class Discovery:
    """`named` is called after the table was told which backends there are."""

    def __init__(
        self,
        config: KubernetesConfig,
        api_server: ApiServer,
        table: Table,
        named: Callable[[], None],
    ) -> None:
        self._api_server = api_server
        self._table = table
        self._named = named
        self._endpoints = Endpoints(config)
        self._version = ""
        self._failures = 0
        self._told: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except Expired:
                self._version = ""
                self._failures += 1
            except Unanswered as error:
                self._failures += 1
                log = logger.warning if self._failures == 1 else logger.debug
                log("the backends stay as they are: %s", error)
            except Exception:
                self._version = ""
                self._failures += 1
                logger.exception("the backends stay as they are")
            await asyncio.sleep(backoff(max(1, self._failures), FIRST_RETRY_S, LONGEST_RETRY_S))

    async def _list(self) -> None:
        """Raises `Unanswered` and `Expired`."""
        found, version = await self._api_server.listed()
        self._endpoints.replace(filter(None, map(_slice, found)))
        self._tell()
        self._version = version

    async def _watch(self) -> None:
        """Raises `Unanswered` and `Expired`."""
        async with aclosing(self._api_server.events(self._version)) as events:
            async for kind, found in events:
                self._failures = 0
                self._heed(kind, found)
        self._failures = 0

    def _heed(self, kind: str, found: Any) -> None:
        meta = found.get("metadata") or {}
        self._version = str(meta.get("resourceVersion") or self._version)
        if kind == "BOOKMARK":
            return
        if kind == "DELETED":
            self._endpoints.remove(str(meta.get("name")))
        elif (seen := _slice(found)) is not None:
            self._endpoints.put(seen)
        self._tell()

    def _tell(self) -> None:
        addresses = self._endpoints.addresses()
        if self._endpoints.left_out:
            logger.warning("%d backends are too many and left out", self._endpoints.left_out)
        names = frozenset(f"{one.name} at {one.url}" for one in addresses)
        if names != self._told:
            came, went = sorted(names - self._told), sorted(self._told - names)
            logger.info("backends that came: %s; that went: %s", _text(came), _text(went))
            self._told = names
        self._table.start_s = self._endpoints.start_s
        self._table.set_addresses(addresses)
        self._named()


def _text(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _slice(raw: Any) -> EndpointSlice | None:
    try:
        return parsed(raw)
    except ValueError as error:
        logger.warning("%s", error)
        return None
