"""What the probes and `/status` answer, from the workers' true state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from matinee.server.lifecycle import Lifecycle
from matinee.worker.pool import WorkerHealth

SERVICE = "matinee"


def alive(life: Lifecycle) -> dict[str, Any]:
    """`/healthz`: this process answers; the route answers 503 unless `status` is "ok". All workers
    have failed then, and who runs the server is to start it again."""
    if not life.failed.is_set():
        return {"status": "ok", "service": SERVICE, "ts": _now()}
    return {"status": "failed", "service": SERVICE, "reason": _reason(life), "ts": _now()}


def overview(life: Lifecycle) -> dict[str, Any]:
    """`/health`, as FastVideo has it."""
    return {
        **alive(life),
        "sessions": life.admission.taken,
        "stream_mode": life.config.streaming.stream_mode,
    }


def readiness(life: Lifecycle) -> dict[str, Any]:
    """`/readyz`; the route answers 503 unless `status` is "ready"."""
    gpus = life.pool.health()
    return {
        "status": "ready" if life.ready else "warming",
        "service": SERVICE,
        "ready_gpu_workers": sum(gpu.ready for gpu in gpus),
        "total_gpus": len(gpus),
        "available_gpus": sum(_available(life, gpu) for gpu in gpus),
        "warmup_successful_gpus": sum(gpu.warmup_success for gpu in gpus),
        "warmup_failed_gpus": sum(gpu.warmup_error is not None for gpu in gpus),
        "queue_size": life.admission.waiting,
        "draining": life.draining,
        "reason": _reason(life),
        "ts": _now(),
    }


def _reason(life: Lifecycle) -> str | None:
    """Why a worker is not ready."""
    return next((gpu.warmup_error for gpu in life.pool.health() if gpu.warmup_error), None)


def status(life: Lifecycle) -> dict[str, Any]:
    """`/status`: the truth about each GPU."""
    gpus = life.pool.health()
    warmup = life.config.streaming.warmup.enabled
    return {
        "total_gpus": len(gpus),
        "available_gpus": sum(_available(life, gpu) for gpu in gpus),
        "queue_size": life.admission.waiting,
        "draining": life.draining,
        "warmup_enabled": warmup,
        "warmup_successful_gpus": sum(gpu.warmup_success for gpu in gpus),
        "warmup_failed_gpus": sum(gpu.warmup_error is not None for gpu in gpus),
        "gpu_status": {str(gpu.gpu_id): _gpu(life, gpu, warmup) for gpu in gpus},
    }


def _gpu(life: Lifecycle, gpu: WorkerHealth, warmup_enabled: bool) -> dict[str, Any]:
    return {
        "ready": gpu.ready,
        "available": _available(life, gpu),
        "state": gpu.state,
        "client_count": gpu.client_count,
        "current_model_id": gpu.current_model_id,
        "process_alive": gpu.process_alive,
        "restarts": gpu.restarts,
        "warmup_enabled": warmup_enabled,
        "warmup_success": gpu.warmup_success,
        "warmup_error": gpu.warmup_error,
        "warmup_timings": gpu.warmup_timings,
    }


def _available(life: Lifecycle, gpu: WorkerHealth) -> bool:
    return gpu.ready and gpu.client_count < life.config.streaming.max_sessions


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
