"""The worker with the real engine, on an untrained model: what it draws does not matter here."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import psutil
import pytest
import torch

from matinee.engine.engine import Engine
from matinee.generation import ModelInfo, with_defaults
from matinee.worker import torch_backend
from matinee.worker.messages import FramesReady, SegmentCancelled, SegmentJob, StepDone
from matinee.worker.quarantine import Quarantine
from matinee.worker.supervisor import WorkerSupervisor
from matinee_api.config.runtime_config import (
    EngineConfig,
    GeneratorConfig,
    PoolConfig,
    WarmupConfig,
)
from tests.system.engine.untrained import save, untrained_pipeline
from tests.unit.runtime.worker.making import watch

FRAMES = 33  # three chunks


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> GeneratorConfig:
    folder = save(untrained_pipeline(), tmp_path_factory.mktemp("models") / "untrained")
    # One thread on both sides: the order of sums decides the last bit.
    return GeneratorConfig(model_path=str(folder), engine=EngineConfig(device="cpu", cpu_threads=1))


def jobs(info: ModelInfo) -> list[SegmentJob]:
    return [
        SegmentJob(
            seed + 1,
            f"session {seed}",
            with_defaults(info.defaults, "a red ball", seed, num_frames=FRAMES),
            None,
        )
        for seed in range(4)
    ]


@pytest.fixture(scope="module")
def alone(generator: GeneratorConfig) -> list[bytes]:
    """The jobs' pixels, made in this process, one job after the other."""
    engine = torch_backend.load(generator)
    return [pixels_of(engine, job) for job in jobs(engine.info)]


def pixels_of(engine: Engine, job: SegmentJob) -> bytes:
    run = engine.begin(job.request, None)
    pixels = b""
    while not run.finished:
        frames = run.next_chunk(lambda _progress: None).frames
        pictures = [np.empty((96, 64), np.uint8) for _ in frames]
        torch_backend.rgb_to_i420(frames, pictures)
        pixels += b"".join(picture.tobytes() for picture in pictures)
    return pixels


@pytest.fixture
async def worker(generator: GeneratorConfig) -> AsyncIterator[WorkerSupervisor]:
    worker = WorkerSupervisor(
        generator,
        PoolConfig(),
        WarmupConfig(enabled=False),
        0,
        lambda _worker: None,
        quarantine=Quarantine(),
    )
    await worker.start()
    await worker.ready()
    yield worker
    await worker.stop()


async def test_four_sessions_and_a_cancelled_one_make_what_they_make_alone(
    worker: WorkerSupervisor, alone: list[bytes]
) -> None:
    info = await worker.ready()
    watched = [asyncio.create_task(watch(worker.submit(job))) for job in jobs(info)]
    request = with_defaults(info.defaults, "never finished", seed=9, num_inference_steps=50)
    handle = worker.submit(SegmentJob(9, "cancelled", request, None))
    async for event in handle:
        if isinstance(event, StepDone):
            handle.cancel()
    assert isinstance(event, SegmentCancelled)
    assert [(await task)[0] for task in watched] == alone


async def test_a_worker_killed_after_its_first_frames_leaves_no_trace_in_the_video(
    worker: WorkerSupervisor, alone: list[bytes]
) -> None:
    """Nor a file that lies in /dev/shm until somebody removes it."""
    handle = worker.submit(jobs(await worker.ready())[0])
    while not isinstance(event := await anext(handle), FramesReady):
        pass
    assert worker.pid is not None
    assert not [m.path for m in psutil.Process(worker.pid).memory_maps() if "/dev/shm" in m.path]  # noqa: S108
    os.kill(worker.pid, signal.SIGKILL)
    first = b"".join(picture.tobytes() for picture in handle.pictures(event))
    handle.release(event.slots)
    rest, _ = await watch(handle)
    assert first + rest == alone[0]
    assert worker.counters.restarts == 1


async def test_the_parts_of_a_decode_are_told_while_it_lasts(generator: GeneratorConfig) -> None:
    """After the last step, when nothing else tells that the worker gets on."""
    engine = torch_backend.load(generator)
    parts: list[int] = []
    engine.on_part_done(lambda: parts.append(1))
    request = with_defaults(engine.info.defaults, "a ball", seed=1, num_inference_steps=1)
    at_step: list[int] = []
    engine.begin(request, None).next_chunk(lambda _progress: at_step.append(len(parts)))
    assert at_step[0] > 5
    assert len(parts) - at_step[-1] > 5


@pytest.mark.gpu
async def test_a_worker_on_a_gpu_makes_the_video_that_the_cpu_makes(
    generator: GeneratorConfig, alone: list[bytes]
) -> None:
    """In float32, but for the order of sums."""
    engine = EngineConfig(device="cuda", dtype="float32")
    worker = WorkerSupervisor(
        generator.model_copy(update={"engine": engine}),
        PoolConfig(),
        WarmupConfig(),
        0,
        lambda _worker: None,
        quarantine=Quarantine(),
    )
    await worker.start()
    job = jobs(await worker.ready())[0]
    pixels, _ = await watch(worker.submit(job))
    await worker.stop()
    difference = np.frombuffer(pixels, np.uint8).astype(int) - np.frombuffer(alone[0], np.uint8)
    assert np.abs(difference).mean() < 2


@pytest.mark.gpu
def test_a_gpu_computes_on_after_its_memory_was_full() -> None:
    with pytest.raises(torch.OutOfMemoryError) as full:
        torch.empty(2**50, dtype=torch.uint8, device="cuda")
    assert torch_backend.recover(full.value)


@pytest.mark.parametrize(
    ("error", "usable"),
    [(torch.OutOfMemoryError("full"), True), (torch.AcceleratorError("sticky"), False)],
)
def test_only_a_spoilt_device_needs_a_new_process(error: Exception, usable: bool) -> None:
    assert torch_backend.recover(error) is usable
