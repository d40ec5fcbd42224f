from __future__ import annotations

import asyncio

from matinee.session.alarm import DeadlineAlarm
from tests.unit.runtime.session.passing_time import PassingClock


async def rung(alarm: DeadlineAlarm, clock: PassingClock, *seconds: float) -> list[bool]:
    """After each of these waits, whether somebody who waits was woken."""
    woken = []
    for wait in seconds:
        sleeping = asyncio.create_task(alarm.rings())
        await asyncio.sleep(0)
        clock.pass_time(wait)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        woken.append(sleeping.done())
        sleeping.cancel()
    return woken


async def test_it_rings_at_the_deadline_and_not_before() -> None:
    clock = PassingClock()
    alarm = DeadlineAlarm(clock)
    alarm.set(clock.time + 10.0)
    assert await rung(alarm, clock, 9.0, 1.0, 100.0) == [False, True, False]


async def test_one_timer_serves_a_deadline_that_moves_back() -> None:
    clock = PassingClock()
    alarm = DeadlineAlarm(clock)
    for later in range(100):
        alarm.set(clock.time + 10.0 + later)
    alarm.set(None)
    assert len(clock.waiting) == 1


async def test_switched_off_it_wakes_once_and_leaves_no_timer() -> None:
    clock = PassingClock()
    alarm = DeadlineAlarm(clock)
    alarm.set(clock.time + 10.0)
    alarm.switch_off()
    await asyncio.wait_for(alarm.rings(), 20)
    assert clock.waiting == []
