from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from matinee.worker.quarantine import Quarantine
from matinee.worker.supervisor import WorkerSupervisor
from matinee_api.config.runtime_config import GeneratorConfig, PoolConfig, WarmupConfig
from tests.places import ROOT
from tests.unit.runtime.worker.making import FAKE
from tests.unit.runtime.worker.stepping import Gate

StartWorker = Callable[..., Awaitable[WorkerSupervisor]]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


@pytest.fixture
async def start_worker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StartWorker]:
    """Starts supervisors of the fake engine and stops them at the end of the test."""
    monkeypatch.syspath_prepend(ROOT)  # a spawned child takes over sys.path
    workers: list[WorkerSupervisor] = []

    async def start(
        model: str = "fake",
        *,
        warmup: bool = False,
        ready: bool = True,
        failed_retry_s: float = 300.0,
        **pool: object,
    ) -> WorkerSupervisor:
        worker = WorkerSupervisor(
            GeneratorConfig(model_path=model),
            PoolConfig.model_validate(pool),
            WarmupConfig(enabled=warmup),
            0,
            lambda _worker: None,
            quarantine=Quarantine(),
            backend=FAKE,
            failed_retry_s=failed_retry_s,
        )
        workers.append(worker)
        await worker.start()
        if ready:
            await worker.ready()
        return worker

    yield start
    for worker in workers:
        await worker.stop()
