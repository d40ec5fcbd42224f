from __future__ import annotations

import itertools

import numpy as np

from matinee.generation import SegmentRequest, State
from matinee.worker.job import JobHandle
from matinee.worker.messages import FramesReady, JobEvent, SegmentDone, SegmentJob
from tests.unit.runtime.worker import fake_engine

FAKE = fake_engine.__name__

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
        frames = run.next_chunk(lambda _progress: None).frames
        pictures = [np.empty((48, 32), np.uint8) for _ in frames]
        fake_engine.rgb_to_i420(frames, pictures)
        pixels += b"".join(picture.tobytes() for picture in pictures)
    return pixels


def ends_well(events: list[JobEvent]) -> bool:
    return isinstance(events[-1], SegmentDone)
