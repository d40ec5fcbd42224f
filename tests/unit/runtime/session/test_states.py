from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from matinee.generation import State
from matinee.session.send_queue import SendQueue
from matinee.session.states import StateKeeper
from matinee.store.memory import MemoryStore
from tests.unit.runtime.session.making import state_of


class SlowStore(MemoryStore):
    """Its `put` waits to be let go."""

    def __init__(self) -> None:
        super().__init__(60, 10)
        self.gate = asyncio.Event()

    async def put(self, session_id: str, state: State) -> None:
        await self.gate.wait()
        await super().put(session_id, state)


class FullDisk(MemoryStore):
    def __init__(self, ttl_s: float, max_states: int) -> None:
        super().__init__(ttl_s, max_states)
        self.full = True

    async def put(self, session_id: str, state: State) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        await super().put(session_id, state)


class Scene:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.queue = SendQueue(1000, lambda: None, lambda: None)
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.keeper = StateKeeper(
            "s1",
            store or MemoryStore(60, 10),
            self.queue.put,
            lambda event, **payload: self.logged.append((event, payload)),
        )

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(str(await self.queue.get()))
        return message


async def test_the_kept_state_is_shown() -> None:
    scene = Scene()
    await scene.keeper.keep(state_of(2))
    await scene.keeper.answer()
    message = await scene.hear()
    assert message["type"] == "continuation_state_snapshot"
    assert message["state"]["kind"] == "ltx.v1"
    assert len(message["state"]["payload"]["frames_b64"]) == 2


async def test_before_the_first_segment_there_is_nothing_to_show() -> None:
    scene = Scene()
    for _ in range(2):
        await scene.keeper.answer()
        error = await scene.hear()
        assert (error["code"], error["retryable"]) == ("invalid_message", True)
        assert "after the first segment" in error["message"]


async def test_a_state_that_is_being_kept_is_the_one_that_is_shown() -> None:
    store = SlowStore()
    scene = Scene(store)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(scene.keeper.keep(state_of(3)))
        await asyncio.sleep(0)
        tasks.create_task(scene.keeper.answer())
        await asyncio.sleep(0)
        store.gate.set()
    assert len((await scene.hear())["state"]["payload"]["frames_b64"]) == 3


async def test_one_snapshot_at_a_time_waits_to_be_read() -> None:
    scene = Scene()
    await scene.keeper.keep(state_of(1))
    await scene.keeper.answer()
    await scene.keeper.answer()
    assert (await scene.hear())["type"] == "continuation_state_snapshot"
    assert "still on its way" in (await scene.hear())["message"]
    await scene.keeper.answer()
    assert (await scene.hear())["type"] == "continuation_state_snapshot"


async def test_the_last_state_is_told_unasked_and_whatever_waits() -> None:
    scene = Scene()
    await scene.keeper.tell()  # there is none
    await scene.keeper.keep(state_of(1))
    await scene.keeper.answer()
    await scene.keeper.keep(state_of(2))
    await scene.keeper.tell()
    snapshots = [(await scene.hear())["state"]["payload"]["frames_b64"] for _ in range(2)]
    assert [len(frames) for frames in snapshots] == [1, 2]


async def test_on_a_full_disk_the_session_still_has_its_state(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(FullDisk(60, 10))
    await scene.keeper.keep(state_of(2))
    reason = "[Errno 28] No space left on device"
    assert scene.logged == [("state_not_stored", {"reason": reason})]
    assert caplog.messages == [f"a session's state cannot be stored: {reason}"]
    await scene.keeper.answer()
    assert len((await scene.hear())["state"]["payload"]["frames_b64"]) == 2


async def test_a_state_that_could_be_stored_again_takes_the_place_of_one_that_could_not() -> None:
    store = FullDisk(60, 10)
    scene = Scene(store)
    await scene.keeper.keep(state_of(1))
    store.full = False
    await scene.keeper.keep(state_of(3))
    await scene.keeper.answer()
    assert len((await scene.hear())["state"]["payload"]["frames_b64"]) == 3
