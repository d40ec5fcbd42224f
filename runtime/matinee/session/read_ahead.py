"""Waiting for something while a viewer goes on talking.

A socket tells that its viewer has left only to those who read it. So reading goes on, and what was
read is kept for later, up to a bound: past it the viewer's frames wait in the socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

MOST_FRAMES = 16

Frame = str | None
Result = TypeVar("Result")


async def listening_until(
    ready: Coroutine[Any, Any, Result],
    receive: Callable[[], Coroutine[Any, Any, Frame]],
    most_characters: int,
) -> tuple[Result, list[Frame]]:
    """The result of `ready` and the frames received meanwhile. What either raises comes out."""
    kept: list[Frame] = []
    waiting = asyncio.create_task(ready)
    try:
        while not waiting.done() and _has_room(kept, most_characters):
            kept += await _received_before(waiting, receive)
        return await waiting, kept
    finally:
        await _cancelled(waiting)


def _has_room(kept: list[Frame], most_characters: int) -> bool:
    return len(kept) < MOST_FRAMES and sum(len(frame or "") for frame in kept) < most_characters


async def _received_before(
    waiting: asyncio.Task[Any], receive: Callable[[], Coroutine[Any, Any, Frame]]
) -> list[Frame]:
    """The next frame, unless `waiting` is done before it comes."""
    reading = asyncio.create_task(receive())
    try:
        await asyncio.wait([waiting, reading], return_when=asyncio.FIRST_COMPLETED)
        return [reading.result()] if reading.done() else []
    finally:
        await _cancelled(reading)


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Its end, whichever; a frame that it has not received so far stays in the socket."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # seen
