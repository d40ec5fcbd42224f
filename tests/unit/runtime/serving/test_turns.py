from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from matinee.serving.turns import ALLOWANCE_S, TURN_S, Account, Turns


class Clock:
    """Stands still unless work is done."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float, times: int = 1) -> Callable[[], bool]:
        left = times

        def piece() -> bool:
            nonlocal left
            left -= 1
            self.now += seconds
            return left > 0

        return piece


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def longest_turn(clock: Clock, turns: int) -> float:
    """The time that passes between two looks of somebody else on the same loop."""
    longest = 0.0
    for _ in range(turns):
        before = clock.now
        await asyncio.sleep(0)
        longest = max(longest, clock.now - before)
        clock.now += 0.0001  # what others do
    return longest


async def test_work_is_done_at_once_while_there_is_time_in_this_turn(clock: Clock) -> None:
    turns, began = Turns(clock), clock.now
    turns.ask(Account(), clock.work(0.001))
    assert clock.now == began + 0.001


@pytest.mark.parametrize("connections", [1, 5, 200])
async def test_a_turn_is_short_however_much_there_is_to_do(clock: Clock, connections: int) -> None:
    turns = Turns(clock)
    for _ in range(connections):
        turns.ask(Account(), clock.work(0.001, times=1000))
    assert await longest_turn(clock, 300) <= 2 * TURN_S


async def test_who_used_little_goes_before_who_used_much(clock: Clock) -> None:
    turns = Turns(clock)
    for _ in range(100):
        turns.ask(Account(2 * ALLOWANCE_S, clock.now), clock.work(0.002, times=100))
    await asyncio.sleep(0)
    began = clock.now
    served = asyncio.create_task(turns.turn(Account(), 0.0001))
    await asyncio.wait([served])
    assert clock.now - began <= TURN_S


async def test_long_pieces_rest_as_long_as_they_took(clock: Clock) -> None:
    turns = Turns(clock)
    done: list[float] = []

    def long_piece() -> bool:
        done.append(clock.now)
        clock.now += 0.05
        return True

    turns.ask(Account(), long_piece, expected_s=0.05)
    while len(done) < 3:
        clock.now += 0.001
        await asyncio.sleep(0.001)
    assert min(after - before for before, after in pairwise(done)) >= 0.1


async def test_heavy_work_gets_on_beside_endless_light_work(clock: Clock) -> None:
    turns = Turns(clock)
    done = False

    def heavy() -> bool:
        nonlocal done
        done = True
        return False

    def ask_again() -> bool:
        clock.now += TURN_S
        if not done:
            asyncio.get_running_loop().call_soon(turns.ask, Account(), ask_again)
        return False

    turns.ask(Account(), ask_again)
    turns.ask(Account(2 * ALLOWANCE_S, clock.now), heavy)
    await longest_turn(clock, 20)
    assert done


async def test_a_piece_that_fails_keeps_nobody_from_their_turn(clock: Clock) -> None:
    turns, problems = Turns(clock), []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: problems.append(context))

    def mistake() -> bool:
        raise ZeroDivisionError

    busy = Account(2 * ALLOWANCE_S, clock.now)
    turns.ask(busy, mistake)
    turns.ask(busy, clock.work(0.001))
    began = clock.now
    await longest_turn(clock, 10)
    assert clock.now > began + 0.001
    assert len(problems) == 1
