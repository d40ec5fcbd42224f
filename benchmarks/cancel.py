"""From the end of the step that a cancel falls into to its acknowledgement on the event loop.

The benchmark fails when more than one further step is begun after a cancel. The module is its own
backend in the worker process: the real engine, with the time of each step's end noted in a file.
"""

from __future__ import annotations

import array
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report
from matinee.generation import (
    Chunk,
    ModelInfo,
    SegmentRequest,
    State,
    StepProgress,
    with_defaults,
)
from matinee.media.i420 import I420Picture
from matinee.worker.backend import EngineLike, Frames, RunLike
from matinee.worker.messages import SegmentJob, StepDone
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import GeneratorConfig, PoolConfig, WarmupConfig

BACKEND = "benchmarks.cancel"
STEP_ENDS = "MATINEE_BENCHMARK_STEP_ENDS"
CANCELS = 100
MOST_FURTHER_STEPS = 1


async def main(model: str) -> None:
    pool = WorkerPool(
        GeneratorConfig(model_path=model), PoolConfig(), WarmupConfig(), backend=BACKEND
    )
    await pool.start()
    info = await pool.ready()
    measured = [await cancel_one(pool, info, number) for number in range(CANCELS)]
    await pool.stop()
    further_steps = max(further for _, further, _ in measured)
    if further_steps > MOST_FURTHER_STEPS:
        raise SystemExit(f"{further_steps} further steps were made after a cancel")
    acknowledged_ms = sorted(ms for ms, _, _ in measured)
    report(
        name="cancel acknowledged after the step's end, 99th percentile",
        unit="ms",
        ours=acknowledged_ms[CANCELS * 99 // 100 - 1],
        target=10.0,
        conditions={
            "model": info.model_id,
            "cancels": CANCELS,
            "further_steps_at_most": further_steps,
            "median_ms": round(statistics.median(acknowledged_ms), 3),
            "median_step_ms": round(statistics.median(ms for _, _, ms in measured), 1),
            **package_versions("torch", "diffusers"),
        },
    )


async def cancel_one(pool: WorkerPool, info: ModelInfo, number: int) -> tuple[float, int, float]:
    """Milliseconds to the acknowledgement, further steps, and milliseconds of a step."""
    chance = random.Random(number)  # noqa: S311 - moments, not secrets
    forget_step_ends()
    request = with_defaults(info.defaults, "a red ball moving left", number, num_inference_steps=50)
    handle = pool.submit(SegmentJob(number, "session", request, None))
    steps, step_ms = chance.randint(2, 5), 0.0
    async for event in handle:
        if isinstance(event, StepDone) and event.step >= steps:
            step_ms = event.elapsed_ms / event.step
            break
    await asyncio.sleep(chance.random() * step_ms / 1000)
    cancelled = time.monotonic()
    handle.cancel()
    await anext(handle)
    acknowledged = time.monotonic()
    ends = step_ends()
    begun_after = sum(begin >= cancelled for begin in ends[:-1])
    return (acknowledged - ends[-1]) * 1000, begun_after, step_ms


def forget_step_ends() -> None:
    Path(os.environ[STEP_ENDS]).write_bytes(b"")


def step_ends() -> array.array[float]:
    return array.array("d", Path(os.environ[STEP_ENDS]).read_bytes())


def note_step_end() -> None:
    with Path(os.environ[STEP_ENDS]).open("ab") as noted:
        noted.write(array.array("d", [time.monotonic()]).tobytes())


# In the worker process, where torch may be imported


class NotingEngine:
    def __init__(self, engine: EngineLike) -> None:
        self._engine = engine

    @property
    def info(self) -> ModelInfo:
        return self._engine.info

    def begin(self, request: SegmentRequest, state: State | None) -> RunLike:
        return NotingRun(self._engine.begin(request, state))

    def characters_read(self, prompt: str) -> int:
        return self._engine.characters_read(prompt)

    def trial_opening(self) -> State | None:
        return self._engine.trial_opening()

    def on_part_done(self, tell: Callable[[], None]) -> None:
        self._engine.on_part_done(tell)


class NotingRun:
    def __init__(self, run: RunLike) -> None:
        self._run = run
        self.state = run.state

    @property
    def finished(self) -> bool:
        return self._run.finished

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        def noting(progress: StepProgress) -> None:
            note_step_end()
            on_step(progress)

        return self._run.next_chunk(noting)


def load(generator: GeneratorConfig) -> EngineLike:
    return NotingEngine(_real().load(generator))


def rgb_to_i420(frames: Frames, out: Sequence[I420Picture]) -> None:
    _real().rgb_to_i420(frames, out)


def recover(error: Exception) -> bool:
    return bool(_real().recover(error))


def _real() -> Any:
    from matinee.worker import torch_backend

    return torch_backend


if __name__ == "__main__":
    with tempfile.NamedTemporaryFile() as noted:
        os.environ[STEP_ENDS] = noted.name
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "builtin:tiny"))
