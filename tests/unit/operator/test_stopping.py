from __future__ import annotations

import asyncio
import signal

import pytest

from matinee_api.signals import ENDING
from matinee_operator.stopping import Stopping


@pytest.mark.parametrize("number", ENDING)
async def test_a_signal_is_waited_for(number: signal.Signals) -> None:
    stopping = Stopping()
    stopping.listen()
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.sleep(0)
    signal.raise_signal(number)
    await waiting
    assert stopping.asked_by == number


async def test_while_nobody_waits_for_it_a_signal_cancels_what_starts() -> None:
    async def start() -> None:
        stopping.append(Stopping())
        stopping[0].listen()
        signal.raise_signal(signal.SIGHUP)
        await asyncio.Event().wait()

    stopping: list[Stopping] = []
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(start())
    assert stopping[0].asked_by == signal.SIGHUP
