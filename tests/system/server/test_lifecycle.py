from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import Any, cast

import pytest

from matinee.server.lifecycle import Lifecycle
from matinee.serving.admission import NotAdmitting
from matinee.worker.pool import WorkerPool
from matinee.worker.supervisor import WorkerState
from matinee_api.config.runtime_config import (
    GeneratorConfig,
    ServeConfig,
    StreamingConfig,
)
from tests.unit.runtime.session.making import slot


def life_of(**streaming: Any) -> Lifecycle:
    return Lifecycle(
        ServeConfig(
            generator=GeneratorConfig(model_path="fake"), streaming=StreamingConfig(**streaming)
        ),
        "test",
    )


class FakeConnection:
    def __init__(self, *, ends: bool = True) -> None:
        self.orders: list[tuple[object, ...]] = []
        self._gone = asyncio.Event()
        self._ends = ends

    def drain(self, deadline_s: float) -> None:
        self.orders.append(("drain", deadline_s))

    def shut_down(self, reason: str, code: int, text: str, *, tells_state: bool) -> None:
        self.orders.append((reason, int(code), text, tells_state))
        if self._ends:
            self._gone.set()

    async def told(self) -> None:
        await self._gone.wait()

    async def closed(self) -> None:
        await self._gone.wait()


def connected(life: Lifecycle, *, ends: bool = True) -> FakeConnection:
    fake = FakeConnection(ends=ends)
    life.viewers.add(fake)
    return fake


def workers(life: Lifecycle, *states: WorkerState, restarts: int = 0) -> None:
    """Let the pool have workers in these states, and tell of it."""
    fakes = [
        SimpleNamespace(state=state, counters=SimpleNamespace(restarts=restarts))
        for state in states
    ]
    health = tuple(SimpleNamespace(ready=state is WorkerState.READY) for state in states)
    life.pool = cast(WorkerPool, SimpleNamespace(workers=fakes, health=lambda: health, info=None))
    life._workers_changed()


@pytest.mark.parametrize(
    ("states", "slots"),
    [
        ((WorkerState.STARTING,), 0),
        ((WorkerState.READY,), 2),
        ((WorkerState.READY, WorkerState.READY), 4),
        ((WorkerState.READY, WorkerState.RESTARTING), 2),
        ((WorkerState.READY, WorkerState.FAILED), 2),
    ],
)
def test_slots_follow_the_workers(states: tuple[WorkerState, ...], slots: int) -> None:
    life = life_of(max_sessions=2)
    workers(life, *states)
    assert life.slots().total == life.admission.slots == slots
    assert life.ready is (slots > 0)
    assert life.admission.closed_because is None


def test_a_worker_that_was_ready_before_its_server_has_slots_at_once() -> None:
    ready = SimpleNamespace(state=WorkerState.READY, counters=SimpleNamespace(restarts=0))
    health = (SimpleNamespace(ready=True),)
    pool = SimpleNamespace(workers=[ready], health=lambda: health, info=None)
    config = ServeConfig(generator=GeneratorConfig(model_path="fake"))
    life = Lifecycle(config, "test", pool=cast(WorkerPool, pool))
    assert life.admission.slots == 1


def test_restarts_are_counted_once() -> None:
    life = life_of()
    for restarts in (1, 1, 3):
        workers(life, WorkerState.READY, restarts=restarts)
    value = life.metrics.registry.get_sample_value("matinee_worker_restarts_total")
    assert value == 3


async def test_without_any_worker_left_nobody_waits_any_more() -> None:
    life = life_of()
    workers(life, WorkerState.FAILED, WorkerState.READY)
    assert not life.failed.is_set()
    workers(life, WorkerState.FAILED, WorkerState.FAILED)
    with pytest.raises(NotAdmitting, match="no worker is able to run the model"):
        async with slot(life.admission):
            pass
    assert life.failed.is_set()
    workers(life, WorkerState.FAILED, WorkerState.READY)
    assert not life.failed.is_set()
    assert life.admission.closed_because is None


@pytest.mark.parametrize("tells_state", [True, False])
async def test_draining_tells_the_sessions_and_ends_them_at_the_deadline(tells_state: bool) -> None:
    life = life_of()
    viewer = connected(life)
    life.drain(0.0, tells_state=tells_state)
    life.drain(99.0)
    await asyncio.wait_for(viewer.closed(), 60)
    assert viewer.orders == [("drain", 0.0), ("drained", 1012, "drained", tells_state)]
    assert life.admission.closed_because == "this server is draining"


async def test_a_drain_that_is_called_off_ends_nobody() -> None:
    life = life_of()
    viewer = connected(life)
    workers(life, WorkerState.READY)
    life.drain(0.01)
    assert life.undrain()
    assert life.undrain()
    assert (life.draining, life.ready, life.admission.closed_because) == (False, True, None)
    assert viewer.orders == [("drain", 0.01)]
    life.drain(0.0)  # and it may be drained again
    await asyncio.wait_for(viewer.closed(), 60)


async def test_what_else_keeps_viewers_out_outlasts_a_drain() -> None:
    life = life_of()
    workers(life, WorkerState.FAILED)
    life.drain(60.0)
    assert life.undrain()
    assert life.admission.closed_because == "no worker is able to run the model"


async def test_a_shutdown_is_not_called_off() -> None:
    life = life_of()
    await life.shut_down(1.0)
    assert not life.undrain()
    assert life.draining


async def test_shutdown_waits_for_the_sessions() -> None:
    life = life_of()
    viewer = connected(life)
    await life.shut_down(20.0)
    assert viewer.orders == [("drained", 1012, "server_shutdown", True)]


async def test_shutdown_waits_no_longer_than_the_grace() -> None:
    life = life_of()
    connected(life, ends=False)
    async with asyncio.timeout(60):
        await life.shut_down(0.01)


async def test_shutdown_without_sessions_is_immediate() -> None:
    await life_of().shut_down(3600.0)


async def test_what_is_there_before_the_first_viewer_is_not_collected_again_and_again() -> None:
    async def nothing(*_: object) -> None:
        pass

    life = life_of()
    life.pool = cast(WorkerPool, SimpleNamespace(start=nothing, stop=nothing))
    async with life.running():
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0
