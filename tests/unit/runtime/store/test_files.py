from __future__ import annotations

import asyncio
import logging
import os
import stat
from pathlib import Path

import pytest

from matinee.errors import LeaseLost, StoreUnavailable
from matinee.store.container import pack
from matinee.store.disk import locked
from matinee.store.files import FileStore
from tests.unit.runtime.store.making import (
    ROOMY,
    Clock,
    contents,
    newest,
    save,
    saved_by,
    segments_of,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FileStore:
    return FileStore(tmp_path / "states", ROOMY, clock, sweep_every=1)


def again(store: FileStore) -> FileStore:
    """As another process, or this one after a restart, has it."""
    return FileStore(store.directory, store.bounds, store.clock, sweep_every=1)


def names_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


async def test_states_and_leases_survive_a_restart(store: FileStore) -> None:
    lease = await saved_by(store, "s1", 1, 2)
    assert await segments_of(again(store), "s1") == [1, 2]
    assert contents(await again(store).load("s1")) == (b"facts 2", {"frames": bytes(10)})
    await save(again(store), lease, 3)
    await again(store).claim("s1", "pod-b")
    with pytest.raises(LeaseLost):
        await save(store, lease, 4)


async def test_only_the_states_are_left_in_the_folder(store: FileStore) -> None:
    await saved_by(store, "s1", 1, 2)
    assert names_in(store.directory) == [
        ".lock",
        "s1",
        "s1/0000000001.state",
        "s1/0000000002.state",
        "s1/lease",
    ]


async def test_nobody_else_may_read_any_of_it(store: FileStore) -> None:
    await saved_by(store, "s1", 1)
    modes = {
        path: stat.S_IMODE(path.stat().st_mode)
        for path in (store.directory, *store.directory.rglob("*"))
    }
    assert {path: mode for path, mode in modes.items() if mode & 0o077} == {}


async def test_a_sweep_leaves_nothing_of_an_old_session(store: FileStore, clock: Clock) -> None:
    await saved_by(store, "s1", 1)
    await store.claim("s2", "pod")
    clock.now += 61
    await saved_by(store, "s3", 1)
    assert names_in(store.directory) == [".lock", "s3", "s3/0000000001.state", "s3/lease"]


async def test_the_first_save_of_a_process_cleans_up_after_the_one_before(
    store: FileStore, clock: Clock
) -> None:
    await saved_by(store, "s1", 1)
    old, young = store.directory / ".new-old", store.directory / ".new-young"
    for half_written, age_s in ((old, 61), (young, 59)):
        half_written.write_bytes(b"matinee-st")
        os.utime(half_written, (clock.now - age_s,) * 2)
    await saved_by(FileStore(store.directory, ROOMY, clock), "s2", 1)
    assert not old.exists()
    assert young.exists()


async def test_other_files_are_left_alone(store: FileStore, clock: Clock) -> None:
    await saved_by(store, "s1", 1)
    foreign = [
        store.directory / "notes.txt",
        store.directory / "state-old.json",
        store.directory / "s1" / "5.txt",
        store.directory / "s1" / "x.state",
    ]
    for path in foreign:
        path.write_text("mine")
    (store.directory / "s1" / "7.state").mkdir()
    clock.now += 61
    await saved_by(store, "s2", 1)
    assert all(path.exists() for path in foreign)
    assert await store.load("s1") is None


@pytest.mark.parametrize("damage", [b"", b"{}", b"".join(pack(b"facts", {}))[:-1]])
async def test_a_damaged_state_counts_as_absent_and_is_told(
    store: FileStore, clock: Clock, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    lease = await saved_by(store, "s1", 1, 2)
    path = store.directory / "s1" / "0000000002.state"
    path.write_bytes(damage)
    os.utime(path, (clock.now, clock.now))
    with caplog.at_level(logging.WARNING):
        assert await newest(store, "s1") == 1
    assert "0000000002.state is ignored" in caplog.text
    await save(store, lease, 2)
    assert await newest(store, "s1") == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b'{"fence": "x", "owner": 1}'])
async def test_a_damaged_lease_was_never_given(
    store: FileStore, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    lease = await saved_by(store, "s1", 1)
    (store.directory / "s1" / "lease").write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        await save(store, lease, 2)
    assert "lease is ignored" in caplog.text
    successor = await store.claim("s1", "pod-b")
    assert successor.fence > lease.fence


async def test_whatever_the_disk_does_is_one_error(store: FileStore) -> None:
    lease = await saved_by(store, "s1", 1)
    store.directory.rename(store.directory.with_name("moved"))
    store.directory.write_text("a file where the folder should be")
    for attempt in (
        store.claim("s1", "pod"),
        store.release(lease),
        save(store, lease, 2),
        store.forget("s1"),
    ):
        with pytest.raises(StoreUnavailable):
            await attempt


async def test_a_state_that_cannot_be_read_now_is_not_taken_for_absent(store: FileStore) -> None:
    await saved_by(store, "s1", 1)
    path = store.directory / "s1" / "0000000001.state"
    path.unlink()
    path.symlink_to(path)  # a loop
    with pytest.raises(StoreUnavailable):
        await store.load("s1")


async def test_a_save_that_fails_leaves_the_state_before_it(store: FileStore) -> None:
    lease = await saved_by(store, "s1", 1)
    in_the_way = store.directory / "s1" / "0000000002.state"
    in_the_way.mkdir()
    with pytest.raises(StoreUnavailable):
        await save(store, lease, 2)
    assert await newest(store, "s1") == 1
    assert not list(store.directory.glob(".new-*"))


async def test_a_lock_that_nobody_lets_go_of_is_not_waited_for_without_end(
    store: FileStore,
) -> None:
    lease = await saved_by(store, "s1", 1)
    store.lock_wait_s = 0.0
    with locked(store.directory / ".lock", 0.0):
        with pytest.raises(StoreUnavailable, match="has been locked"):
            await save(store, lease, 2)
        assert await newest(store, "s1") == 1, "reading needs no lock"
    await save(store, lease, 2)


async def test_threads_that_claim_at_once_get_different_leases(store: FileStore) -> None:
    leases = await asyncio.gather(*(store.claim("s1", f"pod-{one}") for one in range(8)))
    by_fence = sorted(leases, key=lambda lease: lease.fence)
    assert len({lease.fence for lease in leases}) == 8
    for lease in by_fence[:-1]:
        with pytest.raises(LeaseLost, match=by_fence[-1].owner):
            await save(store, lease, 1)
    await save(store, by_fence[-1], 1)
