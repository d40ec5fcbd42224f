"""Keys to reconcile: each is pending once and in flight with one worker at a time.

A key that is added again while it is pending stays one; added while it is in flight, it is
reconciled again afterwards. A failure is retried after an exponential backoff, with jitter, so that
keys that failed together are not retried together.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from matinee_api.backoff import backoff
from matinee_operator.objects import Key

logger = logging.getLogger(__name__)

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.2, 60.0

Handle = Callable[[Key], Awaitable[float | None]]
"""Reconciles one key; returns after how many seconds it wants to be called again."""


@dataclass(slots=True)
class WorkQueue:
    """`jitter` draws from 0 to 1."""

    jitter: Callable[[], float] = random.random
    _due: dict[Key, float] = field(default_factory=dict)
    _heap: list[tuple[float, int, Key]] = field(default_factory=list)
    _working: dict[Key, float] = field(default_factory=dict)
    _failures: dict[Key, int] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _runs_since: float | None = None

    def add(self, key: Key, after_s: float = 0.0) -> None:
        due = self._now() + after_s
        if key in self._due and self._due[key] <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._numbers), key))
        self._news.set()

    async def run(self, workers: int, handle: Handle) -> None:
        """Until it is cancelled."""
        self._runs_since = self._now()
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work(handle))

    @property
    def depth(self) -> int:
        return len(self._due) + len(self._working)

    def oldest_s(self) -> float:
        """How long the key that waits longest, or is worked on longest, is overdue. On a standby
        they wait until it leads, and that is as it should be."""
        if self._runs_since is None:
            return 0.0
        now = self._now()
        waiting = [now - max(due, self._runs_since) for due in self._due.values()]
        working = [now - since for since in self._working.values()]
        return max(0.0, *waiting, *working) if waiting or working else 0.0

    async def _work(self, handle: Handle) -> None:
        while True:
            key = await self._next()
            self._working[key] = self._now()
            again: float | None
            try:
                again = await handle(key)
                self._failures.pop(key, None)
            except Exception as error:
                again = self._backoff_s(key)
                logger.warning("%s: %s; retry in %.1f s", key, _text(error), again)
                logger.debug("%s failed", key, exc_info=True)
            finally:
                del self._working[key]
                self._news.set()
            if again is not None:
                self.add(key, again)
            await asyncio.sleep(0)  # a reconcile that writes nothing never awaits: let others run

    async def _next(self) -> Key:
        while True:
            key = self._pop()
            if key is not None:
                return key
            self._news.clear()
            await _wait(self._news, self._until_due())

    def _pop(self) -> Key | None:
        """The key that is most overdue and that nobody works on."""
        held: list[tuple[float, int, Key]] = []
        found: Key | None = None
        while self._heap and self._heap[0][0] <= self._now():
            entry = heapq.heappop(self._heap)
            key = entry[2]
            if self._due.get(key) != entry[0]:
                continue  # it was added again with an earlier time
            if key not in self._working:
                found = key
                break
            held.append(entry)
        for entry in held:
            heapq.heappush(self._heap, entry)
        if found is not None:
            del self._due[found]
        return found

    def _until_due(self) -> float | None:
        """Seconds until a key may be due; None: only news can bring one."""
        waiting = [due for key, due in self._due.items() if key not in self._working]
        return max(0.0, min(waiting) - self._now()) if waiting else None

    def _backoff_s(self, key: Key) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        delay_s = backoff(self._failures[key], FIRST_BACKOFF_S, LONGEST_BACKOFF_S)
        return delay_s * (0.5 + self.jitter() / 2)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


async def _wait(news: asyncio.Event, timeout_s: float | None) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await news.wait()
    except TimeoutError:
        return


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
