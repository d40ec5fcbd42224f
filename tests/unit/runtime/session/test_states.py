from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from matinee.errors import LeaseLost, StoreUnavailable
from matinee.generation import State
from matinee.session.metrics import Metrics
from matinee.session.record import SessionRecord
from matinee.session.saved_record import from_saved
from matinee.session.send_queue import SendQueue
from matinee.session.states import StateKeeper, StateStorage
from matinee.state.last_frames import LastFrames
from matinee.store.base import Blob, Lease, SessionStore
from matinee.store.memory import MemoryStore
from tests.unit.runtime.session.making import Viewer
from tests.unit.runtime.session.memory_outlet import read
from tests.unit.runtime.state.unpacking import state_from_wire
from tests.unit.runtime.store.making import ROOMY, segments_of


def record_of(segments: int) -> SessionRecord:
    """With the state that so many segments left."""
    record = Viewer(state=made(segments)).session.record(1000.0)
    turns = record.turns.model_copy(update={"next_index": segments})
    return record.model_copy(update={"turns": turns})


def made(segments: int, frames: int = 2) -> State:
    pixels = np.random.default_rng(segments).integers(0, 256, (frames, 32, 32, 3), np.uint8)
    return LastFrames(pixels, segment_index=segments).to_state("ltx.v1")


class SlowStore(MemoryStore):
    """Its `save` waits to be let go."""

    def __init__(self) -> None:
        super().__init__(ROOMY)
        self.gate = asyncio.Event()

    async def save(
        self, lease: Lease, segment: int, facts: bytes, blobs: Mapping[str, Blob]
    ) -> None:
        await self.gate.wait()
        await super().save(lease, segment, facts, blobs)


class LostStore(MemoryStore):
    """Its medium fails while `lost`."""

    def __init__(self) -> None:
        super().__init__(ROOMY)
        self.lost = True

    async def claim(self, session_id: str, owner: str) -> Lease:
        self._fail()
        return await super().claim(session_id, owner)

    async def save(
        self, lease: Lease, segment: int, facts: bytes, blobs: Mapping[str, Blob]
    ) -> None:
        self._fail()
        await super().save(lease, segment, facts, blobs)

    async def release(self, lease: Lease) -> None:
        self._fail()
        await super().release(lease)

    def _fail(self) -> None:
        if self.lost:
            raise StoreUnavailable("[Errno 28] No space left on device")


class Scene:
    def __init__(self, store: SessionStore | None = None) -> None:
        self.store = store or MemoryStore(ROOMY)
        self.metrics = Metrics()
        self.queue = SendQueue(1000, lambda: None, lambda: None)
        self.threads = ThreadPoolExecutor(2, "state")
        self.lost: list[bool] = []
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.storage = StateStorage.over(self.store, "pod", self.threads, self.metrics)
        self.keeper = StateKeeper(
            "s1",
            self.storage,
            self.queue.put,
            lambda event, **payload: self.logged.append((event, payload)),
            lambda: self.lost.append(True),
        )

    async def hear(self) -> dict[str, Any]:
        frame = await self.queue.get()
        assert isinstance(frame, str | tuple)
        return read(frame)

    async def keep(self, segments: int) -> None:
        await self.keeper.keep(made(segments), record_of(segments))

    async def store_is_back(self) -> None:
        """What was late is saved."""
        await self.storage.late._catch_up()

    async def told_state(self) -> State:
        message = await self.hear()
        assert message["type"] == "continuation_state_snapshot"
        return state_from_wire(**message["state"])

    def not_saved(self, reason: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            "matinee_states_not_saved_total", {"reason": reason}
        )


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.threads.shutdown()


def same(one: State, other: State) -> bool:
    return np.array_equal(one.tensors["frames"], other.tensors["frames"]) and (
        one.kind,
        one.facts,
    ) == (other.kind, other.facts)


async def test_the_newest_state_is_shown(scene: Scene) -> None:
    await scene.keep(1)
    await scene.keep(2)
    await scene.keeper.answer(1)
    assert same(await scene.told_state(), made(2))


async def test_every_kept_state_is_saved_without_loss(scene: Scene) -> None:
    for segments in (1, 2):
        await scene.keep(segments)
    for segments in (1, 2):
        saved = await scene.store.load("s1", segments)
        assert saved is not None
        record = from_saved(saved)
        assert record.state is not None
        assert same(record.state, made(segments))
        assert record.to_json() == record_of(segments).to_json()


async def test_before_the_first_segment_there_is_nothing_to_show(scene: Scene) -> None:
    for _ in range(2):
        await scene.keeper.answer(1)
        error = await scene.hear()
        assert (error["code"], error["retryable"]) == ("invalid_message", True)
        assert "after the first segment" in error["message"]
    await scene.keeper.release()
    assert await scene.store.history("s1") == ()


async def test_a_state_that_is_being_kept_is_the_one_that_is_shown() -> None:
    store = SlowStore()
    scene = Scene(store)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(scene.keep(3))
        await asyncio.sleep(0)
        tasks.create_task(scene.keeper.answer(1))
        await asyncio.sleep(0)
        store.gate.set()
    assert same(await scene.told_state(), made(3))


async def test_a_store_that_is_slower_than_the_session_loses_the_oldest_that_wait() -> None:
    store = SlowStore()
    scene = Scene(store)
    async with asyncio.TaskGroup() as tasks:
        for segments in range(1, 9):
            tasks.create_task(scene.keep(segments))
            await asyncio.sleep(0)
        store.gate.set()
    assert await segments_of(store, "s1") == [1, 5, 6, 7, 8]
    assert scene.not_saved("too_slow") == 3


async def test_one_snapshot_at_a_time_waits_to_be_read(scene: Scene) -> None:
    await scene.keep(1)
    await scene.keeper.answer(1)
    await scene.keeper.answer(1)
    assert (await scene.hear())["type"] == "continuation_state_snapshot"
    assert "still on its way" in (await scene.hear())["message"]
    await scene.keeper.answer(1)
    assert (await scene.hear())["type"] == "continuation_state_snapshot"


async def test_the_last_state_is_told_unasked_and_whatever_waits(scene: Scene) -> None:
    await scene.keeper.tell()  # there is none
    await scene.keep(1)
    await scene.keeper.answer(1)
    await scene.keep(2)
    await scene.keeper.tell()
    assert same(await scene.told_state(), made(1))
    assert same(await scene.told_state(), made(2))


async def test_a_session_goes_on_without_its_store(caplog: pytest.LogCaptureFixture) -> None:
    store = LostStore()
    scene = Scene(store)
    await scene.keep(1)
    reason = "[Errno 28] No space left on device"
    assert scene.logged == [("state_not_stored", {"reason": reason})]
    assert caplog.messages == [f"a session's state is not saved: {reason}"]
    assert scene.not_saved("unavailable") == 1
    await scene.keeper.answer(1)
    assert same(await scene.told_state(), made(1))

    store.lost = False
    await scene.keep(2)
    assert await segments_of(store, "s1") == [], "only one task asks whether it is back"
    await scene.store_is_back()
    assert await segments_of(store, "s1") == [2]
    await scene.keep(3)
    assert await segments_of(store, "s1") == [2, 3]
    assert scene.not_saved("unavailable") == 2

    store.lost = True
    await scene.keeper.release()
    assert "cannot be released" in caplog.text


async def test_a_session_that_was_taken_over_saves_no_more(scene: Scene) -> None:
    await scene.keep(1)
    await scene.store.claim("s1", "pod-b")
    await scene.keep(2)
    await scene.keep(3)
    assert await segments_of(scene.store, "s1") == [1]
    assert scene.not_saved("taken_over") == 1
    assert [event for event, _ in scene.logged] == ["state_not_stored"]
    await scene.keeper.answer(1)
    assert same(await scene.told_state(), made(3))


async def test_what_is_released_may_be_saved_by_nobody(scene: Scene) -> None:
    await scene.keep(1)
    await scene.keeper.release()
    await scene.keep(2)
    assert await segments_of(scene.store, "s1") == [1]
    with pytest.raises(LeaseLost):
        await scene.store.save(Lease("s1", "pod", 1), 3, b"", {})


async def test_as_many_snapshots_as_threads_are_made_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All sessions end together in a drain."""
    await scene.keep(1)
    two_at_work, more = threading.Barrier(2), threading.Lock()
    at_work, most = 0, 0

    def counted(_state: State) -> dict[str, Any]:
        nonlocal at_work, most
        with more:
            at_work += 1
            most = max(most, at_work)
        two_at_work.wait(20)
        with more:
            at_work -= 1
        return {}

    monkeypatch.setattr("matinee.session.states.state_to_wire", counted)
    await asyncio.gather(*(scene.keeper.tell() for _ in range(6)))
    assert most == 2
