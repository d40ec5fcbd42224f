from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest

from matinee.store import files
from matinee.store.files import FileStore
from tests.unit.runtime.store.making import Clock, state_of

ODD_IDS = ["../a", "a/b", "..", "", "a\0b", "a\n", "/etc/passwd", "x" * 129, "a.json", "ü"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FileStore:
    return FileStore(tmp_path / "states", 60, 10, clock)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def written(store: FileStore) -> list[str]:
    return names_in(store.directory)


async def test_a_state_survives_a_restart_without_loss(store: FileStore) -> None:
    state = state_of(3, frames=2)
    await store.put("a-1", state)

    again = await FileStore(store.directory, 60, 10, store.clock).get("a-1")

    assert again is not None
    assert np.array_equal(again.tensors["frames"], state.tensors["frames"])
    assert (again.kind, again.facts) == (state.kind, state.facts)
    assert written(store) == ["state-a-1.json"]


async def test_the_newest_state_replaces_the_one_before(store: FileStore) -> None:
    for mark in (1, 2):
        await store.put("a", state_of(mark))
    state = await store.get("a")
    assert state is not None
    assert state.facts["segment_index"] == 2


async def test_an_absent_state_is_none(store: FileStore) -> None:
    assert await store.get("a") is None


async def test_an_old_state_counts_as_gone(store: FileStore, clock: Clock) -> None:
    await store.put("a", state_of())
    clock.now += 60
    assert await store.get("a") is not None
    clock.now += 1
    assert await store.get("a") is None


async def test_old_and_surplus_files_are_removed(
    store: FileStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SWEEP_EVERY", 1)
    store.max_states = 2
    for session in ("a", "b", "c"):
        await store.put(session, state_of())
        clock.now += 1
    assert written(store) == ["state-b.json", "state-c.json"]
    clock.now += 59
    await store.put("d", state_of())
    assert written(store) == ["state-c.json", "state-d.json"]


async def test_the_first_write_of_a_process_cleans_up_after_the_one_before(
    store: FileStore, clock: Clock
) -> None:
    await store.put("a", state_of())
    half_written = store.directory / "state-b.tmp"
    half_written.write_text("{")
    os.utime(half_written, (clock.now, clock.now))
    clock.now += 61
    await FileStore(store.directory, 60, 10, clock).put("c", state_of())
    assert written(store) == ["state-c.json"]


async def test_a_sweep_leaves_other_files_alone(store: FileStore, clock: Clock) -> None:
    store.directory.mkdir()
    (store.directory / "notes.txt").write_text("mine")
    await store.put("a", state_of())
    assert "notes.txt" in written(store)


async def test_a_file_that_vanishes_during_a_sweep_is_no_error(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put("a", state_of())
    found = [*store.directory.glob("state-*"), store.directory / "state-gone.json"]
    monkeypatch.setattr(Path, "glob", lambda _self, _pattern: iter(found))
    store._sweep()
    assert written(store) == ["state-a.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"kind": "ltx.v1", "payload": {}}',
        b'{"kind": "ltx.v9", "payload": {}}',
        b'{"kind": ["ltx.v1"], "payload": {}}',
        b'{"kind": "ltx.v1", "payload": 5}',
        b"[" * 200_000,
    ],
)
async def test_a_damaged_file_counts_as_absent_and_is_told(
    store: FileStore, clock: Clock, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await store.put("a", state_of())
    path = store.directory / "state-a.json"
    path.write_bytes(content)
    os.utime(path, (clock.now, clock.now))
    with caplog.at_level(logging.WARNING):
        assert await store.get("a") is None
    assert "state-a.json is ignored" in caplog.text
    await store.put("a", state_of(5))
    assert await store.get("a") is not None


async def test_a_write_that_fails_leaves_the_state_before_it(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put("a", state_of(1))

    def full(_self: Path, _text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        await store.put("a", state_of(2))
    state = await store.get("a")
    assert state is not None
    assert state.facts["segment_index"] == 1


@pytest.mark.parametrize("session_id", ODD_IDS)
async def test_an_odd_session_id_cannot_leave_the_folder(
    store: FileStore, tmp_path: Path, session_id: str
) -> None:
    outside = tmp_path / "a.json"
    outside.write_text("{}")
    with pytest.raises(ValueError, match="is not a session id"):
        await store.put(session_id, state_of())
    assert await store.get(session_id) is None
    assert names_in(tmp_path) == ["a.json"]
