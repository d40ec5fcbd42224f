"""What a denoising step costs in the worker process, against the bare diffusers call.

Both make the same pictures from the same prompt, seed and noise levels. Ours carries all that a
session needs: commands and progress at each step, frames in I420 in shared memory, the state. The
clip is larger than the bundled model's own, so that a step is as long as a real model's on a GPU.
Twice: CPU time of the whole process, which other programs hardly disturb, and wall time, in which
everything that waits is seen too. On one thread.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from diffusers.pipelines.ltx import pipeline_ltx_condition

from benchmarks._report import Figure, cpu_s, package_versions, report, take_turns
from matinee.engine.families.ltx import shifted_timesteps, silence_known_warnings
from matinee.engine.library_logs import without_progress_bars
from matinee.generation import SegmentRequest
from matinee.weights.local_folder import model_folder_of
from matinee.worker.messages import FramesReady, SegmentDone, SegmentJob
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import (
    EngineConfig,
    GeneratorConfig,
    PoolConfig,
    WarmupConfig,
)

MODEL = "builtin:tiny"
SETTINGS = json.loads((model_folder_of(MODEL, None) / "matinee.json").read_text())
STARTS = 9
"""Of both processes. Where the kernel puts a process's pages makes it up to 3 % faster or slower
for as long as it lives: turns of one pair tell the pair, not the programs."""
REPETITIONS = 7
"""Turns of each pair."""
LOADED: list[Any] = []
"""The pipeline, in the process that holds it."""
JOB_IDS = itertools.count(1)
REQUEST = SegmentRequest(
    prompt="a red ball moving left on a blue background",
    seed=7,
    width=128,
    height=128,
    num_frames=17,
    fps=8,
    num_inference_steps=6,
    guidance_scale=1.0,
)


def main() -> None:
    spent, waited = Turns(), Turns()
    for _ in range(STARTS):
        started(spent, waited)
    tell("CPU time", spent)
    tell("wall time", waited)


class Turns:
    """Milliseconds of a step, ours and the peer's, turn by turn."""

    def __init__(self) -> None:
        self.ours: list[float] = []
        self.peer: list[float] = []


def started(spent: Turns, waited: Turns) -> None:
    """Add the turns of a worker and a bare pipeline, each in a process that was just started."""
    with asyncio.Runner() as runner, bare_process() as peer:
        pool = WorkerPool(
            GeneratorConfig(model_path=MODEL, engine=EngineConfig(device="cpu", cpu_threads=1)),
            PoolConfig(),
            WarmupConfig(),
        )
        runner.run(pool.start())
        runner.run(pool.ready())
        walls: tuple[list[float], list[float]] = [], []
        peer_pid = peer.submit(os.getpid).result()
        ours_ms, peer_ms = take_turns(
            REPETITIONS,
            lambda: step_ms(pool.workers[0].pid, lambda: runner.run(ours(pool)), walls[0]),
            lambda: step_ms(peer_pid, lambda: peer.submit(bare).result(), walls[1]),
        )
        runner.run(pool.stop())
    spent.ours += ours_ms.turns
    spent.peer += peer_ms.turns
    waited.ours += walls[0][1:]  # as `take_turns` counts
    waited.peer += walls[1][1:]


def tell(measured: str, turns: Turns) -> None:
    report(
        name=f"denoising step, against the bare diffusers call, {measured}",
        unit="ms",
        ours=Figure(tuple(turns.ours)),
        peer=Figure(tuple(turns.peer)),
        target=1.01,
        conditions={
            "clip": f"{REQUEST.num_frames} frames {REQUEST.width}x{REQUEST.height}",
            "steps": REQUEST.num_inference_steps,
            "measured": f"{measured} of a whole call with decoding, per step",
            "ours": "a segment through the worker process, frames handed over",
            "threads": 1,
            "starts of both processes": STARTS,
            "peer": "LTXConditionPipeline.__call__",
            **package_versions("torch", "diffusers"),
        },
    )


async def ours(pool: WorkerPool) -> None:
    handle = pool.submit(SegmentJob(next(JOB_IDS), "benchmark", REQUEST, None))
    async for event in handle:
        if isinstance(event, FramesReady):
            handle.release(event.slots)
    if not isinstance(event, SegmentDone):
        raise SystemExit(f"the segment was not made: {event}")


def bare_process() -> ProcessPoolExecutor:
    """A process that holds nothing but diffusers' own pipeline."""
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=load_bare)


def load_bare() -> None:
    torch.set_num_threads(1)
    silence_known_warnings()
    untyped: Any = pipeline_ltx_condition
    with without_progress_bars():
        pipeline = untyped.LTXConditionPipeline.from_pretrained(
            model_folder_of(MODEL, None), dtype=torch.float32
        )
    pipeline.set_progress_bar_config(disable=True)
    LOADED.append(pipeline)


def bare() -> None:
    LOADED[0](
        prompt=REQUEST.prompt,
        width=REQUEST.width,
        height=REQUEST.height,
        num_frames=REQUEST.num_frames,
        frame_rate=REQUEST.fps,
        num_inference_steps=REQUEST.num_inference_steps,
        timesteps=shifted_timesteps(REQUEST.num_inference_steps, SETTINGS["timestep_shift"]),
        guidance_scale=REQUEST.guidance_scale,
        generator=torch.Generator().manual_seed(REQUEST.seed),
        max_sequence_length=SETTINGS["max_sequence_length"],
    )


def step_ms(pid: int | None, make: Callable[[], None], waited: list[float]) -> float:
    """CPU time of a step; its wall time is added to `waited`."""
    if pid is None:
        raise SystemExit("the worker is gone")
    begun, spent_s = time.perf_counter(), cpu_s(pid)
    make()
    spent_s = cpu_s(pid) - spent_s
    waited.append((time.perf_counter() - begun) * 1000 / REQUEST.num_inference_steps)
    return spent_s * 1000 / REQUEST.num_inference_steps


if __name__ == "__main__":
    main()
