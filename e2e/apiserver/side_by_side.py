"""Jobs that wait for the same API server more than they compute: several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

T = TypeVar("T")
MOST = 8
"""More at a time only wait for the API server's CPU."""


async def side_by_side(
    jobs: Mapping[str, Callable[[], Awaitable[T]]], most: int = MOST
) -> dict[str, T | BaseException]:
    """What each of them gave or raised, in their order. One that fails stops no other."""
    places = asyncio.Semaphore(most)

    async def in_a_place(job: Callable[[], Awaitable[T]]) -> T:
        async with places:
            return await job()

    ends = await asyncio.gather(*map(in_a_place, jobs.values()), return_exceptions=True)
    return dict(zip(jobs, ends, strict=True))
