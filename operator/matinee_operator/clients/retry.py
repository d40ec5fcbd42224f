"""What cannot be done without at the start is asked for until the API server answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from matinee_operator.errors import Unavailable

logger = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Its answer. Raises what is no `Unavailable`."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await ask()
        except Unavailable as error:
            logger.warning("the API server does not answer yet: %s", error)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
