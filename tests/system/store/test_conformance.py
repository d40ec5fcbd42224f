"""What every store does. Each one passes all of this."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from matinee.errors import LeaseLost
from matinee.store.base import MAX_BLOB_BYTES, Blob, Bounds, SessionStore
from matinee.store.files import FileStore
from matinee.store.memory import MemoryStore
from tests.unit.runtime.store.making import (
    ODD_IDS,
    ROOMY,
    Clock,
    bounds,
    contents,
    newest,
    save,
    saved_by,
    segments_of,
)

Open = Callable[[Bounds], SessionStore]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "files"])
def open_store(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Open:
    if request.param == "memory":
        return lambda within: MemoryStore(within, clock)
    return lambda within: FileStore(tmp_path / "states", within, clock, sweep_every=1)


@pytest.fixture
def store(open_store: Open) -> SessionStore:
    return open_store(ROOMY)


# States


async def test_what_was_saved_is_loaded_byte_for_byte(store: SessionStore) -> None:
    blobs: dict[str, Blob] = {"a": bytes(range(256)), "b/1": b"", "ü": memoryview(b"xyz" * 50_000)}
    lease = await store.claim("s1", "pod")
    await store.save(lease, 3, b'{"seed": 7}\0\xff', blobs)

    assert contents(await store.load("s1")) == (
        b'{"seed": 7}\0\xff',
        {name: bytes(blob) for name, blob in blobs.items()},
    )
    (kept,) = await store.history("s1")
    assert (kept.segment, kept.saved_at_s) == (3, 1_700_000_000.0)
    assert kept.size_bytes >= 150_000


async def test_a_state_without_blobs_is_one_too(store: SessionStore) -> None:
    lease = await store.claim("s1", "pod")
    await store.save(lease, 0, b"", {})
    assert contents(await store.load("s1")) == (b"", {})


async def test_where_nothing_was_saved_there_is_nothing(store: SessionStore) -> None:
    await store.claim("claimed", "pod")
    for session_id in ("claimed", "unknown"):
        assert await store.load(session_id) is None
        assert await store.load(session_id, 1) is None
        assert await store.history(session_id) == ()


async def test_the_newest_state_is_loaded_or_that_of_a_segment(store: SessionStore) -> None:
    await saved_by(store, "s1", 1, 2, 3)
    await saved_by(store, "s2", 9)
    assert await segments_of(store, "s1") == [1, 2, 3]
    assert await newest(store, "s1") == 3
    assert contents(await store.load("s1", 2))[0] == b"facts 2"
    assert await store.load("s1", 4) is None


async def test_a_segment_that_is_saved_again_replaces_the_one_before(store: SessionStore) -> None:
    lease = await saved_by(store, "s1", 1)
    await store.save(lease, 1, b"again", {})
    assert contents(await store.load("s1")) == (b"again", {})
    assert await segments_of(store, "s1") == [1]


async def test_a_session_that_goes_on_from_an_earlier_segment_loses_the_later_ones(
    store: SessionStore,
) -> None:
    lease = await saved_by(store, "s1", 1, 2, 3, 4)
    await store.save(lease, 3, b"branched", {})
    assert await segments_of(store, "s1") == [1, 2, 3]
    assert contents(await store.load("s1"))[0] == b"branched"


async def test_a_forgotten_session_is_gone_and_its_holder_has_lost_it(store: SessionStore) -> None:
    lease = await saved_by(store, "s1", 1, 2)
    await saved_by(store, "s2", 1)
    await store.forget("s1")
    assert await store.history("s1") == ()
    assert await segments_of(store, "s2") == [1]
    with pytest.raises(LeaseLost):
        await save(store, lease, 3)
    await store.forget("never-seen")
    await saved_by(store, "s1", 4)
    assert await segments_of(store, "s1") == [4]


async def test_a_blob_that_is_too_large_is_refused(store: SessionStore) -> None:
    lease = await saved_by(store, "s1", 1)
    await store.save(lease, 2, b"", {"whole": bytes(MAX_BLOB_BYTES)})
    with pytest.raises(ValueError, match="'more' has 4194305 bytes"):
        await store.save(lease, 3, b"", {"more": bytes(MAX_BLOB_BYTES + 1)})
    assert await newest(store, "s1") == 2


@pytest.mark.parametrize("session_id", ODD_IDS)
async def test_an_odd_session_id_is_refused(store: SessionStore, session_id: str) -> None:
    for attempt in (
        store.claim(session_id, "pod"),
        store.load(session_id),
        store.history(session_id),
        store.forget(session_id),
    ):
        with pytest.raises(ValueError, match="is not a session id"):
            await attempt


# Leases


async def test_what_a_holder_saves_after_it_was_taken_over_is_refused(store: SessionStore) -> None:
    first = await saved_by(store, "s1", 1)
    second = await store.claim("s1", "pod-b")
    with pytest.raises(LeaseLost, match="pod-b has claimed it") as lost:
        await save(store, first, 2)
    assert (lost.value.session_id, lost.value.holder) == ("s1", "pod-b")
    assert await newest(store, "s1") == 1
    await save(store, second, 2)
    with pytest.raises(LeaseLost):
        await save(store, first, 3)
    assert await segments_of(store, "s1") == [1, 2]


async def test_a_claim_by_the_same_owner_is_another_lease(store: SessionStore) -> None:
    first = await store.claim("s1", "pod")
    second = await store.claim("s1", "pod")
    assert second.fence > first.fence
    with pytest.raises(LeaseLost):
        await save(store, first, 1)


async def test_a_session_that_was_given_up_takes_no_more_saves(store: SessionStore) -> None:
    lease = await saved_by(store, "s1", 1)
    await store.release(lease)
    with pytest.raises(LeaseLost, match="it was given up"):
        await save(store, lease, 2)
    assert await newest(store, "s1") == 1
    await saved_by(store, "s1", 2)
    assert await newest(store, "s1") == 2


async def test_who_was_taken_over_cannot_give_up_for_its_successor(store: SessionStore) -> None:
    first = await store.claim("s1", "pod-a")
    second = await store.claim("s1", "pod-b")
    await store.release(first)
    await save(store, second, 1)
    assert await newest(store, "s1") == 1


async def test_leases_of_other_sessions_do_not_matter(store: SessionStore) -> None:
    first = await store.claim("s1", "pod")
    await store.claim("s2", "pod-b")
    await save(store, first, 1)
    assert await newest(store, "s1") == 1


async def test_a_holder_that_was_idle_for_long_still_saves(
    store: SessionStore, clock: Clock
) -> None:
    lease = await saved_by(store, "s1", 1)
    clock.now += 3600
    await saved_by(store, "s2", 1)  # what is old goes now
    await save(store, lease, 2)
    assert await segments_of(store, "s1") == [2]


async def test_who_was_taken_over_long_ago_is_still_refused(
    store: SessionStore, clock: Clock
) -> None:
    first = await store.claim("s1", "pod-a")
    clock.now += 3600
    await saved_by(store, "s2", 1)  # what is old goes now: the first lease too
    clock.now += 1
    await saved_by(store, "s1", 1)
    with pytest.raises(LeaseLost):
        await save(store, first, 2)


# Bounds


async def test_an_old_state_counts_as_gone(store: SessionStore, clock: Clock) -> None:
    lease = await saved_by(store, "s1", 1)
    clock.now += 40
    await save(store, lease, 2)
    clock.now += 20
    assert await segments_of(store, "s1") == [1, 2]
    clock.now += 1
    assert await segments_of(store, "s1") == [2]
    assert await store.load("s1", 1) is None
    clock.now += 60
    assert await store.load("s1") is None


async def test_a_session_keeps_its_last_states(open_store: Open) -> None:
    store = open_store(bounds(history_states=2))
    await saved_by(store, "s1", 1, 2, 3)
    await saved_by(store, "s2", 7)
    assert await segments_of(store, "s1") == [2, 3]
    assert await segments_of(store, "s2") == [7]


@pytest.mark.parametrize(("history_bytes", "left"), [(3500, [1, 2, 3]), (2500, [2, 3]), (1, [3])])
async def test_a_history_is_bounded_in_bytes_but_for_its_last_state(
    open_store: Open, history_bytes: int, left: list[int]
) -> None:
    store = open_store(bounds(history_bytes=history_bytes))
    await saved_by(store, "s1", 1, 2, 3, size=1000)
    assert await segments_of(store, "s1") == left


@pytest.mark.parametrize("tight", [{"max_states": 2}, {"max_bytes": 2500}])
async def test_the_oldest_states_go_first(
    open_store: Open, clock: Clock, tight: dict[str, float]
) -> None:
    store = open_store(bounds(**tight))
    for session_id in ("s1", "s2", "s3"):
        await saved_by(store, session_id, 1, size=1000)
        clock.now += 1
    assert [await newest(store, one) for one in ("s1", "s2", "s3")] == [None, 1, 1]


async def test_a_state_larger_than_all_the_room_is_kept_alone(
    open_store: Open, clock: Clock
) -> None:
    store = open_store(bounds(max_bytes=100))
    await saved_by(store, "s1", 1)
    clock.now += 1
    await saved_by(store, "s2", 1, size=1000)
    assert await newest(store, "s1") is None
    assert await newest(store, "s2") == 1
