from __future__ import annotations

from matinee.store.memory import MemoryStore
from tests.unit.runtime.store.making import ROOMY, Clock, bounds, newest, saved_by


async def test_a_time_to_live_shorter_than_a_save_is_no_error() -> None:
    ticking = iter(range(100))
    store = MemoryStore(bounds(ttl_s=1e-9), lambda: float(next(ticking)))
    await saved_by(store, "s1", 1)
    assert await newest(store, "s1") is None


async def test_leases_do_not_pile_up() -> None:
    clock = Clock()
    store = MemoryStore(ROOMY, clock)
    for number in range(200):
        await store.claim(f"s{number}", "pod")
        clock.now += 1
    assert len(store._holders) == 61


async def test_sessions_that_ended_and_left_no_state_are_forgotten_within_a_minute() -> None:
    clock = Clock()
    store = MemoryStore(bounds(ttl_s=3600.0), clock)
    for number in range(200):
        await store.release(await store.claim(f"s{number}", "pod"))
        clock.now += 1
    assert len(store._holders) == 61
