from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from matinee.generation import SegmentRequest, State
from matinee.worker.job import JobHandle
from matinee.worker.messages import FramesReady, JobEvent, SegmentDone, SegmentJob
from matinee.worker.supervisor import WorkerSupervisor
from matinee_api.config.runtime_config import GeneratorConfig, PoolConfig, WarmupConfig
from tests.places import ROOT
from tests.unit.runtime.worker import fake_engine
from tests.unit.runtime.worker.stepping import Gate

FAKE = fake_engine.__name__

StartWorker = Callable[..., Awaitable[WorkerSupervisor]]

_job_ids = itertools.count(1)


def segment(
    prompt: str = "",
    *,
    session: str = "session",
    seed: int = 1,
    frames: int = 17,
    steps: int = 4,
    state: State | None = None,
) -> SegmentJob:
    request = SegmentRequest(
        prompt=prompt,
        seed=seed,
        width=32,
        height=32,
        num_frames=frames,
        fps=24,
        num_inference_steps=steps,
        guidance_scale=1.0,
    )
    return SegmentJob(next(_job_ids), session, request, state)


async def watch(handle: JobHandle) -> tuple[bytes, list[JobEvent]]:
    """All the pixels, and the events; slots are released at once."""
    pixels, events = b"", []
    async for event in handle:
        events.append(event)
        if isinstance(event, FramesReady):
            pixels += b"".join(picture.tobytes() for picture in handle.pictures(event))
            handle.release(event.slots)
    return pixels, events


def alone(job: SegmentJob) -> bytes:
    """The same segment's pixels, made in this process."""
    run = fake_engine.FakeEngine().begin(job.request, job.state)
    pixels = b""
    while not run.finished:
        frames = run.next_chunk(lambda _progress: None)
        pictures = [np.empty((48, 32), np.uint8) for _ in frames]
        fake_engine.rgb_to_i420(frames, pictures)
        pixels += b"".join(picture.tobytes() for picture in pictures)
    return pixels


def ends_well(events: list[JobEvent]) -> bool:
    return isinstance(events[-1], SegmentDone)


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
        model: str = "fake", *, warmup: bool = False, ready: bool = True, **pool: object
    ) -> WorkerSupervisor:
        worker = WorkerSupervisor(
            GeneratorConfig(model_path=model),
            PoolConfig.model_validate(pool),
            WarmupConfig(enabled=warmup),
            0,
            lambda _worker: None,
            backend=FAKE,
        )
        workers.append(worker)
        await worker.start()
        if ready:
            await worker.ready()
        return worker

    yield start
    for worker in workers:
        await worker.stop()
