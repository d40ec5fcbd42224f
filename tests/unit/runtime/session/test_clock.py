from __future__ import annotations

import asyncio
import time

from matinee.session.clock import LoopClock


async def test_it_rings_when_the_time_has_come_or_was_over_and_not_when_cancelled() -> None:
    clock = LoopClock()
    rung: list[str] = []
    last = asyncio.Event()
    start = clock.now()
    clock.call_at(start + 0.01, lambda: rung.append("cancelled")).cancel()
    clock.call_at(start + 0.02, last.set)
    clock.call_at(start - 5.0, lambda: rung.append("late"))
    await asyncio.wait_for(last.wait(), 20)
    assert rung == ["late"]
    assert clock.now() >= start + 0.02 - 0.002, "a loop may count whole milliseconds"


def test_its_time_is_monotonic() -> None:
    assert abs(LoopClock().now() - time.monotonic()) < 1.0
