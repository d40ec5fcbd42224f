from __future__ import annotations

import asyncio
import logging

import pytest

from matinee.serving.tasks import stopped


async def test_a_task_has_ended_when_it_is_stopped() -> None:
    cleaned = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await stopped(task)
    assert cleaned.is_set()


async def test_what_ended_it_before_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    task = asyncio.create_task(work(), name="the work")
    await asyncio.sleep(0)
    with caplog.at_level(logging.ERROR):
        await stopped(task)
    assert caplog.messages == ["the work failed"]
    assert "ZeroDivisionError" in caplog.text


async def test_where_there_is_none_nothing_happens() -> None:
    await stopped(None)
