from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from matinee.errors import WorkerFailed
from matinee.worker.pool import WorkerPool
from matinee.worker.supervisor import WorkerState
from matinee_api.config.runtime_config import (
    EngineConfig,
    GeneratorConfig,
    PoolConfig,
    WarmupConfig,
)
from tests.places import ROOT
from tests.unit.runtime.worker.making import FAKE, alone, segment, watch


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> WorkerPool:
    monkeypatch.syspath_prepend(ROOT)
    return WorkerPool(
        GeneratorConfig(model_path="fake", engine=EngineConfig(device="cpu")),
        PoolConfig(num_workers=2),
        WarmupConfig(),
        backend=FAKE,
    )


@pytest.fixture
async def running_pool(pool: WorkerPool) -> AsyncIterator[WorkerPool]:
    await pool.start()
    for worker in pool.workers:
        await worker.ready()
    yield pool
    await pool.stop()


def test_sessions_spread_over_the_workers_and_stay(pool: WorkerPool) -> None:
    joined = {name: pool.join(name).index for name in "abcd"}
    assert joined == {"a": 0, "b": 1, "c": 0, "d": 1}
    assert pool.join("c").index == 0
    pool.leave("b")
    pool.leave("d")
    assert pool.join("e").index == 1


def test_a_session_moves_away_from_a_worker_that_is_given_up(pool: WorkerPool) -> None:
    assert pool.join("a").index == 0
    pool.workers[0].state = WorkerState.FAILED
    assert pool.join("a").index == 1


def test_a_ready_worker_is_preferred_to_one_that_starts(pool: WorkerPool) -> None:
    pool.workers[1].state = WorkerState.READY
    assert [pool.join(name).index for name in "ab"] == [1, 1]


def test_without_a_worker_the_reason_is_told(pool: WorkerPool) -> None:
    for worker in pool.workers:
        worker.state, worker.reason = WorkerState.FAILED, "no weights"
    with pytest.raises(WorkerFailed, match="no weights"):
        pool.join("a")


async def test_jobs_run_and_health_is_told_per_gpu(running_pool: WorkerPool) -> None:
    jobs = [segment(session=name, seed=seed) for seed, name in enumerate("abc")]
    for job in jobs:
        assert (await watch(running_pool.submit(job)))[0] == alone(job)
    first, second = running_pool.health()
    assert (first.gpu_id, first.client_count, second.gpu_id, second.client_count) == (0, 2, 1, 1)
    assert first.ready
    assert first.process_alive
    assert first.warmup_success
    assert first.warmup_error is None
    assert first.current_model_id == "fake"
    assert running_pool.info is not None

    await running_pool.stop()
    assert not any(health.process_alive or health.ready for health in running_pool.health())


async def test_one_ready_worker_is_enough(pool: WorkerPool) -> None:
    """The other one has not even begun to load."""
    await pool.workers[0].start()
    assert (await pool.ready()).model_id == "fake"
    assert [health.ready for health in pool.health()] == [True, False]
    await pool.stop()


async def test_a_worker_that_is_given_up_is_not_waited_for(pool: WorkerPool) -> None:
    pool.workers[0].state, pool.workers[0].reason = WorkerState.FAILED, "no weights"
    await pool.workers[1].start()
    assert (await pool.ready()).model_id == "fake"
    await pool.stop()


async def test_when_all_are_given_up_there_is_nothing_to_wait_for(pool: WorkerPool) -> None:
    for worker in pool.workers:
        worker.state, worker.reason = WorkerState.FAILED, "no weights"
    with pytest.raises(WorkerFailed, match="no weights"):
        await pool.ready()


async def test_health_before_the_start_is_not_ready(pool: WorkerPool) -> None:
    health = pool.health()[0]
    assert (health.state, health.ready, health.process_alive) == ("starting", False, False)
    assert pool.info is None
