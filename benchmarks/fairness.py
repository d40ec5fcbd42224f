"""How evenly four sessions share one worker, and whether that changes their pixels.

The figure is 1 - Jain's index of the compute time that each session has had when the first of
them is done, so 0 is perfect; one session after the other scores 0.75. The benchmark fails when a
session's pixels differ from those it makes alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report
from matinee.generation import ModelInfo, with_defaults
from matinee.worker.messages import FramesReady, SegmentJob, StepDone
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import GeneratorConfig, PoolConfig, WarmupConfig

PROMPTS = (
    "a red ball moving left on a blue background",
    "a green square moving right on a white background",
    "a yellow triangle moving up on a black background",
    "a blue ball moving down on a gray background",
)
MOST_CHUNKS = 12
STEPS = 2
"""Of each chunk; between two chunks somebody else has a turn."""


@dataclass(slots=True)
class Watched:
    compute_ms: float = 0.0
    pixels: hashlib.blake2b = field(default_factory=hashlib.blake2b)


async def main(model: str) -> None:
    pool = WorkerPool(GeneratorConfig(model_path=model), PoolConfig(), WarmupConfig())
    await pool.start()
    info = await pool.ready()
    alone = [(await together(pool, [job]))[1][0] for job in jobs(info, first_id=1)]
    shares_ms, beside = await together(pool, jobs(info, first_id=101))
    await pool.stop()
    if beside != alone:
        raise SystemExit("a session beside others made other pixels than alone")
    report(
        name="unfairness among 4 sessions, 1 - Jain's index",
        unit="1",
        ours=1 - jain(shares_ms),
        target=0.01,
        conditions={
            "model": info.model_id,
            "chunks_per_session": chunks_of(info),
            "compute_ms": [round(share) for share in shares_ms],
            "pixels": "the same as alone",
            "one_session_after_the_other": 0.75,
            **package_versions("torch", "diffusers"),
        },
    )


def jobs(info: ModelInfo, first_id: int) -> list[SegmentJob]:
    frames = info.chunk_frames + (chunks_of(info) - 1) * (info.chunk_frames - info.overlap_frames)
    requests = [
        with_defaults(info.defaults, prompt, seed, num_frames=frames, num_inference_steps=STEPS)
        for seed, prompt in enumerate(PROMPTS)
    ]
    return [
        SegmentJob(first_id + k, f"session {k}", request, None)
        for k, request in enumerate(requests)
    ]


def chunks_of(info: ModelInfo) -> int:
    """Many, because the sessions' shares always differ by up to a chunk."""
    later = (info.max_frames - info.chunk_frames) // (info.chunk_frames - info.overlap_frames)
    return min(MOST_CHUNKS, 1 + later)


async def together(pool: WorkerPool, jobs: list[SegmentJob]) -> tuple[list[float], list[str]]:
    """Compute time of each when the first is done, and digests of their pixels."""
    watched = [Watched() for _ in jobs]
    tasks = [
        asyncio.create_task(watch(pool, job, into)) for job, into in zip(jobs, watched, strict=True)
    ]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    shares_ms = [each.compute_ms for each in watched]
    await asyncio.gather(*tasks)
    return shares_ms, [each.pixels.hexdigest() for each in watched]


async def watch(pool: WorkerPool, job: SegmentJob, watched: Watched) -> None:
    handle = pool.submit(job)
    async for event in handle:
        if isinstance(event, StepDone):
            watched.compute_ms = event.elapsed_ms
        elif isinstance(event, FramesReady):
            for picture in handle.pictures(event):
                watched.pixels.update(picture.data)
            handle.release(event.slots)


def jain(shares: list[float]) -> float:
    squares: float = sum(share**2 for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "builtin:tiny"))
