"""`GET /v1/slots`: the pod's slots as a stream of JSON lines, one at once and one at each change.

Routers and the operator read it instead of polling. Changes that come faster than a reader reads
are merged: only the newest state matters. A line also comes every `HEARTBEAT_S`, so that a reader
can tell silence from death.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from matinee_api.contracts.pod_http import HEARTBEAT_S

MAX_READERS = 64


class TooManyReaders(Exception):
    """`max_readers` read the feed already."""


@dataclass(slots=True)
class SlotsFeed:
    """`snapshot` gives the state now, as JSON values."""

    snapshot: Callable[[], dict[str, Any]]
    heartbeat_s: float = HEARTBEAT_S
    max_readers: int = MAX_READERS
    _readers: set[asyncio.Event] = field(default_factory=set)
    _closed: bool = False

    def changed(self) -> None:
        for reader in self._readers:
            reader.set()

    def close(self) -> None:
        """End every reader's stream."""
        self._closed = True
        self.changed()

    def open(self) -> AsyncIterator[bytes]:
        """A new reader's lines. Raises `TooManyReaders`."""
        if len(self._readers) >= self.max_readers:
            raise TooManyReaders
        return self._lines()

    async def _lines(self) -> AsyncIterator[bytes]:
        news = asyncio.Event()
        self._readers.add(news)
        try:
            while not self._closed:
                news.clear()
                yield json.dumps(self.snapshot()).encode() + b"\n"
                await _wait(news, self.heartbeat_s)
        finally:
            self._readers.discard(news)


async def _wait(news: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await news.wait()
    except TimeoutError:
        return
