from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from matinee.server import health
from matinee.server.lifecycle import Lifecycle
from matinee.worker.pool import WorkerHealth
from matinee_api.config.runtime_config import GeneratorConfig, ServeConfig, StreamingConfig

READY = WorkerHealth(0, "ready", True, True, 1, "tiny", True, None, {"load": 5.0}, 0)
LOST = WorkerHealth(1, "restarting", False, False, 0, "tiny", False, "killed by SIGKILL", {}, 2)


@pytest.fixture
def life() -> Lifecycle:
    return Lifecycle(
        ServeConfig(
            generator=GeneratorConfig(model_path="fake"), streaming=StreamingConfig(max_sessions=2)
        ),
        "test",
    )


def with_gpus(life: Lifecycle, monkeypatch: pytest.MonkeyPatch, *gpus: WorkerHealth) -> Lifecycle:
    monkeypatch.setattr(life.pool, "health", lambda: gpus)
    return life


def without_time(answer: dict[str, Any]) -> dict[str, Any]:
    assert datetime.fromisoformat(answer.pop("ts")).tzinfo is not None
    return answer


def test_a_live_process_says_so(life: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(life, monkeypatch, LOST)
    assert without_time(health.alive(life)) == {"status": "ok", "service": "matinee"}
    life.failed.set()
    assert without_time(health.alive(life)) == {
        "status": "failed",
        "service": "matinee",
        "reason": "killed by SIGKILL",
    }


def test_health_counts_the_sessions(life: Lifecycle) -> None:
    assert without_time(health.overview(life)) == {
        "status": "ok",
        "service": "matinee",
        "sessions": 0,
        "stream_mode": "av_fmp4",
    }


def test_one_worker_that_can_generate_is_ready(
    life: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(life, monkeypatch, READY, LOST)
    assert without_time(health.readiness(life)) == {
        "status": "ready",
        "service": "matinee",
        "ready_gpu_workers": 1,
        "total_gpus": 2,
        "available_gpus": 1,
        "warmup_successful_gpus": 1,
        "warmup_failed_gpus": 1,
        "queue_size": 0,
        "draining": False,
        "reason": "killed by SIGKILL",
    }


@pytest.mark.parametrize(("gpus", "draining"), [((LOST,), False), ((READY,), True), ((), False)])
def test_else_it_is_not_ready(
    life: Lifecycle,
    monkeypatch: pytest.MonkeyPatch,
    gpus: tuple[WorkerHealth, ...],
    draining: bool,
) -> None:
    with_gpus(life, monkeypatch, *gpus).draining = draining
    assert health.readiness(life)["status"] == "warming"
    assert not life.ready


def test_status_tells_each_gpus_truth(life: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    status = health.status(with_gpus(life, monkeypatch, READY, LOST))
    assert (status["total_gpus"], status["available_gpus"]) == (2, 1)
    assert status["gpu_status"] == {
        "0": {
            "ready": True,
            "available": True,
            "state": "ready",
            "client_count": 1,
            "current_model_id": "tiny",
            "process_alive": True,
            "restarts": 0,
            "warmup_enabled": True,
            "warmup_success": True,
            "warmup_error": None,
            "warmup_timings": {"load": 5.0},
        },
        "1": {
            "ready": False,
            "available": False,
            "state": "restarting",
            "client_count": 0,
            "current_model_id": "tiny",
            "process_alive": False,
            "restarts": 2,
            "warmup_enabled": True,
            "warmup_success": False,
            "warmup_error": "killed by SIGKILL",
            "warmup_timings": {},
        },
    }
