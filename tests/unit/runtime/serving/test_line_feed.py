from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from matinee.serving.line_feed import LineFeed


def counting(heartbeat_s: float = 3600.0) -> LineFeed:
    numbers = itertools.count(1)
    return LineFeed(lambda: {"n": next(numbers)}, heartbeat_s)


async def test_a_reader_gets_the_state_at_once_and_at_each_change() -> None:
    feed = counting()
    lines = feed.lines()
    assert json.loads(await anext(lines)) == {"n": 1}
    reading = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    assert not reading.done()
    feed.changed()
    assert await reading == b'{"n": 2}\n'


async def test_changes_that_a_reader_misses_are_merged() -> None:
    feed = counting()
    lines = feed.lines()
    await anext(lines)
    for _ in range(5):
        feed.changed()
    assert await anext(lines) == b'{"n": 2}\n'


async def test_every_reader_hears_of_a_change() -> None:
    feed = counting()
    readers = [feed.lines() for _ in range(3)]
    for reader in readers:
        await anext(reader)
    feed.changed()
    assert len({await anext(reader) for reader in readers}) == 3


async def test_silence_is_broken_by_a_heartbeat() -> None:
    lines = counting(heartbeat_s=0.0).lines()
    assert [await anext(lines) for _ in range(3)] == [b'{"n": 1}\n', b'{"n": 2}\n', b'{"n": 3}\n']


async def test_closing_ends_every_stream() -> None:
    feed = counting()
    lines = feed.lines()
    await anext(lines)
    reading = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    feed.close()
    with pytest.raises(StopAsyncIteration):
        await reading
    assert [line async for line in feed.lines()] == []


async def test_a_reader_too_many_takes_the_place_of_the_greediest_caller_s_oldest() -> None:
    """Whoever reads again and again keeps nobody else from reading."""
    feed = counting()
    feed.max_readers = 3
    operator, first, second = (feed.lines(caller) for caller in ("operator", "other", "other"))
    for reader in (operator, first, second):
        await anext(reader)
    third = feed.lines("other")
    await anext(third)
    assert [line async for line in first] == []
    feed.changed()
    assert len([await anext(reader) for reader in (operator, second, third)]) == 3
    assert len(feed._readers) == 3


async def test_a_reader_that_leaves_makes_room() -> None:
    feed = counting()
    feed.max_readers = 1
    gone, stays = feed.lines(), feed.lines()
    await anext(gone)
    await gone.aclose()  # type: ignore[attr-defined]
    await anext(stays)
    assert len(feed._readers) == 1
