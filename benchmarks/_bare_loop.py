"""The floor of `loop_lag.py`: an event loop that only hands a server's work to its threads.

The encoders, the threads and the pace are the server's own; there is no socket, no session and no
worker.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from concurrent.futures import Executor
from functools import partial

from benchmarks import _paced_backend as backend
from benchmarks.encode_scene import i420_scene
from matinee.media.i420 import I420Picture
from matinee.media.media_stream import MediaStream
from matinee.server.lifecycle import GIL_SWITCH_S, STATE_THREADS, quiet_threads
from matinee.session.video import encode
from matinee.state.codec import state_to_wire
from matinee.wire.server_messages import ContinuationSnapshot


@functools.cache
def clip() -> list[I420Picture]:
    return i420_scene(backend.WIDTH, backend.HEIGHT, backend.CHUNK)


async def bare_sessions(segments: int, *, snapshots: bool) -> None:
    sys.setswitchinterval(GIL_SWITCH_S)
    with (
        quiet_threads(os.cpu_count() or 1, "encoder") as encoders,
        quiet_threads(STATE_THREADS, "state") as states,
    ):
        every = (
            _session(segments, encoders, states if snapshots else None)
            for _ in range(backend.SESSIONS)
        )
        await asyncio.gather(*every)


async def _session(segments: int, encoders: Executor, states: Executor | None) -> None:
    loop = asyncio.get_running_loop()
    opening = partial(MediaStream, backend.WIDTH, backend.HEIGHT, backend.FPS)
    video = await loop.run_in_executor(encoders, opening)
    asked = []
    for _ in range(segments):
        for first in range(0, backend.SEGMENT, backend.CHUNK):
            pictures = clip()[: min(backend.CHUNK, backend.SEGMENT - first)]
            paced = asyncio.create_task(asyncio.sleep(len(pictures) / backend.FPS))
            sounds = [None] * len(pictures)
            work = partial(encode, video, pictures, sounds, lambda _fragment: None, flush=True)
            await loop.run_in_executor(encoders, work)
            await paced
        if states is not None:
            asked.append(loop.run_in_executor(states, _snapshot))
    await asyncio.gather(*asked)


def _snapshot() -> ContinuationSnapshot:
    return ContinuationSnapshot.of(state_to_wire(backend.state()))
