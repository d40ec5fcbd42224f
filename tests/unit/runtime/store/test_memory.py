from __future__ import annotations

import pytest

from matinee.store.memory import MemoryStore
from tests.unit.runtime.store.making import Clock, state_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def kept(store: MemoryStore, *sessions: str) -> list[str]:
    return [session for session in sessions if await store.get(session) is not None]


async def test_the_newest_state_of_a_session_is_kept(clock: Clock) -> None:
    store, newest = MemoryStore(60, 10, clock), state_of(2)
    await store.put("a", state_of(1))
    await store.put("a", newest)
    assert await store.get("a") is newest
    assert await store.get("b") is None


async def test_an_old_state_counts_as_gone_and_is_freed(clock: Clock) -> None:
    store = MemoryStore(60, 10, clock)
    await store.put("a", state_of())
    clock.now += 60
    assert await kept(store, "a") == ["a"]
    clock.now += 1
    assert await kept(store, "a") == []
    await store.put("b", state_of())
    assert len(store._states) == 1


async def test_of_too_many_states_the_one_written_longest_ago_goes(clock: Clock) -> None:
    store = MemoryStore(60, 2, clock)
    for session in ("a", "b", "a", "c"):
        await store.put(session, state_of())
    assert await kept(store, "a", "b", "c") == ["a", "c"]


async def test_states_take_up_bounded_memory(clock: Clock) -> None:
    store = MemoryStore(60, 10, clock, max_bytes=100)
    for session in ("a", "b", "c"):
        await store.put(session, state_of())
    assert await kept(store, "a", "b", "c") == ["b", "c"]
    await store.put("b", state_of())
    await store.put("d", state_of())
    assert await kept(store, "b", "c", "d") == ["b", "d"]


async def test_a_state_larger_than_the_bound_is_kept_alone(clock: Clock) -> None:
    store = MemoryStore(60, 10, clock, max_bytes=100)
    await store.put("a", state_of())
    await store.put("b", state_of(frames=9))
    assert await kept(store, "a", "b") == ["b"]


async def test_a_time_to_live_shorter_than_a_write_is_no_error() -> None:
    ticking = iter(range(100))
    store = MemoryStore(1e-9, 10, lambda: float(next(ticking)))
    await store.put("a", state_of())
    assert await store.get("a") is None
