from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from matinee.server.slots_feed import SlotsFeed, TooManyReaders


def counting(heartbeat_s: float = 3600.0) -> SlotsFeed:
    numbers = itertools.count(1)
    return SlotsFeed(lambda: {"n": next(numbers)}, heartbeat_s)


async def test_a_reader_gets_the_state_at_once_and_at_each_change() -> None:
    feed = counting()
    lines = feed.open()
    assert json.loads(await anext(lines)) == {"n": 1}
    reading = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    assert not reading.done()
    feed.changed()
    assert await reading == b'{"n": 2}\n'


async def test_changes_that_a_reader_misses_are_merged() -> None:
    feed = counting()
    lines = feed.open()
    await anext(lines)
    for _ in range(5):
        feed.changed()
    assert await anext(lines) == b'{"n": 2}\n'


async def test_every_reader_hears_of_a_change() -> None:
    feed = counting()
    readers = [feed.open() for _ in range(3)]
    for reader in readers:
        await anext(reader)
    feed.changed()
    assert len({await anext(reader) for reader in readers}) == 3


async def test_silence_is_broken_by_a_heartbeat() -> None:
    lines = counting(heartbeat_s=0.0).open()
    assert [await anext(lines) for _ in range(3)] == [b'{"n": 1}\n', b'{"n": 2}\n', b'{"n": 3}\n']


async def test_closing_ends_every_stream() -> None:
    feed = counting()
    lines = feed.open()
    await anext(lines)
    reading = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    feed.close()
    with pytest.raises(StopAsyncIteration):
        await reading
    assert [line async for line in feed.open()] == []


async def test_there_may_be_only_so_many_readers() -> None:
    feed = counting()
    feed.max_readers = 1
    lines = feed.open()
    await anext(lines)
    with pytest.raises(TooManyReaders):
        feed.open()
    await lines.aclose()  # type: ignore[attr-defined]
    assert await anext(feed.open())
