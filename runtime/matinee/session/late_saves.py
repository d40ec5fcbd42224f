"""Saves that a store did not take, made up for when it is back; and whether it is there.

Of each session only the newest record waits. While anything is amiss one task asks again and
again, with growing pauses; else nothing is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from matinee.errors import StoreUnavailable
from matinee.session.metrics import Metrics
from matinee_api.backoff import backoff

logger = logging.getLogger(__name__)

MOST_BYTES = 256 * 2**20
"""Of states that wait for their store, of all sessions."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 10.0


class LateSave(Protocol):
    """A session whose newest record is not saved."""

    @property
    def waiting_bytes(self) -> int: ...

    async def retry(self) -> None:
        """Save it, unless that is no longer wanted. Raises `StoreUnavailable`."""
        ...


class LateSaves:
    """`probe` asks the store anything. `run` is a task of whoever owns this."""

    def __init__(
        self, probe: Callable[[], Awaitable[object]], metrics: Metrics, most_bytes: int = MOST_BYTES
    ) -> None:
        self._probe = probe
        self._metrics = metrics
        self._most_bytes = most_bytes
        self._late: dict[LateSave, None] = {}
        self._amiss = asyncio.Event()
        self._amiss.set()  # nobody has asked so far
        self._away = False
        self._failures = 0

    @property
    def reachable(self) -> bool:
        """Whether the store answered when it was asked last."""
        return not self._away

    def missed(self, late: LateSave | None = None) -> None:
        """The store did not answer; `late` has something to save."""
        self._away = True
        if late is not None:
            self._late.pop(late, None)
            self._late[late] = None
            self._drop_surplus()
        self._amiss.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._amiss.wait()
            try:
                await self._catch_up()
            except StoreUnavailable as error:
                if not self._failures:
                    logger.warning("the store of sessions cannot be reached: %s", error)
                self._failures += 1
                await asyncio.sleep(backoff(self._failures, FIRST_PAUSE_S, LONGEST_PAUSE_S))

    async def _catch_up(self) -> None:
        """One that is refused again lets the others go first the next time. Raises
        `StoreUnavailable`."""
        try:
            await self._probe()
        except StoreUnavailable:
            self._away = True
            raise
        self._away = False
        while self._late:
            late = next(iter(self._late))
            del self._late[late]
            try:
                await late.retry()
            except StoreUnavailable:
                self._late.setdefault(late)
                raise
        if self._failures:
            logger.info("the store of sessions is back")
        self._failures = 0
        self._amiss.clear()

    def _drop_surplus(self) -> None:
        """The newest may wait, however large."""
        while len(self._late) > 1 and self._bytes() > self._most_bytes:
            del self._late[next(iter(self._late))]
            self._metrics.states_not_saved.labels("too_many_wait").inc()

    def _bytes(self) -> int:
        return sum(late.waiting_bytes for late in self._late)
