"""Retry with exponential backoff; and requests that are retried until the API server answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from matinee_api.backoff import backoff
from matinee_operator.errors import Unavailable

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(slots=True)
class Retry:
    """`failed()` after each failure, `reset()` after a success."""

    first_s: float
    longest_s: float
    _failures: int = field(default=0, init=False)

    def failed(self) -> float:
        """The backoff before the next retry."""
        self._failures += 1
        return backoff(self._failures, self.first_s, self.longest_s)

    def reset(self) -> None:
        self._failures = 0


async def until_available(
    ask: Callable[[], Awaitable[T]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> T:
    """The API server's answer, however long it takes. Raises what is no `Unavailable`."""
    retry = Retry(first_s=0.5, longest_s=15.0)
    while True:
        try:
            return await ask()
        except Unavailable as error:
            logger.warning("the API server does not answer yet: %s", error)
        await sleep(retry.failed())
