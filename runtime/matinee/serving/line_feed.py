"""A state as a stream of JSON lines, one at once and one at each change: `GET /v1/slots` of a pod,
`GET /v1/table` of a router.

Routers and the operator read them instead of polling. Changes that come faster than a reader reads
are merged: only the newest state matters. A line also comes every `HEARTBEAT_S`, so that a reader
can tell silence from death.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from matinee_api.contracts.pod_http import HEARTBEAT_S

MAX_READERS = 64


@dataclass(slots=True, eq=False)
class _Reader:
    caller: str
    news: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class LineFeed:
    """`snapshot` gives the state now, as JSON values. `gap_s`: at least so long between two lines.
    There are `max_readers` at most: a further one takes the place of the oldest among those of the
    caller that has the most, so that nobody who reads again and again keeps the operator or a
    router from reading."""

    snapshot: Callable[[], dict[str, Any]]
    heartbeat_s: float = HEARTBEAT_S
    gap_s: float = 0.0
    max_readers: int = MAX_READERS
    _readers: list[_Reader] = field(default_factory=list)
    _closed: bool = False

    def changed(self) -> None:
        for reader in self._readers:
            reader.news.set()

    def close(self) -> None:
        """End every reader's stream."""
        self._closed = True
        self.changed()

    async def lines(self, caller: str = "") -> AsyncIterator[bytes]:
        """For a new reader, from its first line on. `caller`: its address."""
        if len(self._readers) >= self.max_readers:
            self._part_with_one()
        reader = _Reader(caller)
        self._readers.append(reader)
        try:
            while reader in self._readers and not self._closed:
                reader.news.clear()
                yield json.dumps(self.snapshot()).encode() + b"\n"
                await asyncio.sleep(self.gap_s)
                await _wait(reader.news, self.heartbeat_s)
        finally:
            if reader in self._readers:
                self._readers.remove(reader)

    def _part_with_one(self) -> None:
        """End the stream of the oldest reader of the caller with the most."""
        callers = Counter(reader.caller for reader in self._readers)
        greedy, _ = callers.most_common(1)[0]
        oldest = next(reader for reader in self._readers if reader.caller == greedy)
        self._readers.remove(oldest)
        oldest.news.set()


async def _wait(news: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await news.wait()
    except TimeoutError:
        return
