from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from matinee.errors import StoreUnavailable
from matinee.session import late_saves
from matinee.session.late_saves import LateSaves
from matinee.session.metrics import Metrics


class Medium:
    def __init__(self) -> None:
        self.away = False
        self.probes = 0
        self.probed = asyncio.Event()
        """Three times."""

    async def probe(self) -> None:
        self.probes += 1
        if self.probes == 3:
            self.probed.set()
        await self.ask()

    async def ask(self) -> None:
        if self.away:
            raise StoreUnavailable("away")


class Late:
    def __init__(self, medium: Medium, waiting_bytes: int = 10) -> None:
        self.waiting_bytes = waiting_bytes
        self.saved = asyncio.Event()
        self._medium = medium

    async def retry(self) -> None:
        await self._medium.ask()
        self.saved.set()


@asynccontextmanager
async def running(saves: LateSaves) -> AsyncIterator[None]:
    task = asyncio.create_task(saves.run())
    yield
    task.cancel()
    await asyncio.wait([task])


async def test_what_was_late_is_saved_once_the_store_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(late_saves, "FIRST_PAUSE_S", 0.0)
    medium = Medium()
    saves, one, two = LateSaves(medium.probe, Metrics()), Late(medium), Late(medium)
    medium.away = True
    saves.missed(one)
    saves.missed(two)
    async with running(saves), asyncio.timeout(20):
        await medium.probed.wait()
        assert not saves.reachable
        medium.away = False
        await one.saved.wait()
        await two.saved.wait()
        await asyncio.sleep(0)
        assert saves.reachable
        asked = medium.probes
        for _ in range(20):
            await asyncio.sleep(0)
        assert medium.probes == asked, "nothing is polled"


async def test_what_is_refused_again_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(late_saves, "FIRST_PAUSE_S", 0.0)
    medium, broken = Medium(), Medium()
    broken.away = True
    saves, refused, good = LateSaves(medium.probe, Metrics()), Late(broken), Late(medium)
    saves.missed(refused)
    saves.missed(good)
    async with running(saves), asyncio.timeout(20):
        await good.saved.wait()
        await medium.probed.wait()
        assert saves.reachable, "others are saved at once"


async def test_a_store_that_is_away_from_the_start_is_noticed() -> None:
    medium = Medium()
    medium.away = True
    saves = LateSaves(medium.probe, Metrics())
    async with running(saves):
        for _ in range(5):
            await asyncio.sleep(0)
        assert not saves.reachable


async def test_the_oldest_are_given_up_when_too_much_waits() -> None:
    medium, metrics = Medium(), Metrics()
    saves = LateSaves(medium.probe, metrics, most_bytes=25)
    waiting = [Late(medium) for _ in range(3)]
    for late in (*waiting, waiting[1]):
        saves.missed(late)
    dropped = {"reason": "too_many_wait"}
    value = metrics.registry.get_sample_value("matinee_states_not_saved_total", dropped)
    assert value == 1
    async with running(saves), asyncio.timeout(20):
        await waiting[1].saved.wait()
        await waiting[2].saved.wait()
    assert not waiting[0].saved.is_set()
