"""The floor of `loop_lag.py`: an event loop that only hands a server's work to its threads, and
what they make to the viewers' sockets.

The encoders, the threads and the pace are the server's own; there is no session and no worker.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

from benchmarks import _paced_backend as backend
from benchmarks.encode_scene import i420_scene
from matinee.media.i420 import I420Picture
from matinee.media.media_stream import Fragment, MediaStream
from matinee.server.lifecycle import GIL_SWITCH_S, STATE_THREADS
from matinee.serving.quiet_threads import quiet_threads
from matinee.session.video import encode
from matinee.state.codec import state_to_wire
from matinee.wire.server_messages import ContinuationSnapshot


@functools.cache
def clip() -> list[I420Picture]:
    return i420_scene(backend.WIDTH, backend.HEIGHT, backend.CHUNK)


async def bare_sessions(
    segments: int, viewers: Sequence[asyncio.StreamWriter], *, snapshots: bool
) -> None:
    """One for each viewer."""
    sys.setswitchinterval(GIL_SWITCH_S)
    with (
        quiet_threads(os.cpu_count() or 1, "encoder") as encoders,
        quiet_threads(STATE_THREADS, "state") as states,
    ):
        every = (
            _session(segments, viewer, encoders, states if snapshots else None)
            for viewer in viewers
        )
        await asyncio.gather(*every)


async def _session(
    segments: int, viewer: asyncio.StreamWriter, encoders: Executor, states: Executor | None
) -> None:
    loop = asyncio.get_running_loop()
    opening = partial(MediaStream, backend.WIDTH, backend.HEIGHT, backend.FPS)
    video = await loop.run_in_executor(encoders, opening)
    asked = []

    def emit(fragment: Fragment) -> None:
        loop.call_soon_threadsafe(viewer.write, fragment.data)

    for _ in range(segments):
        for first in range(0, backend.SEGMENT, backend.CHUNK):
            pictures = clip()[: min(backend.CHUNK, backend.SEGMENT - first)]
            paced = asyncio.create_task(asyncio.sleep(len(pictures) / backend.FPS))
            sounds = [None] * len(pictures)
            work = partial(encode, video, pictures, sounds, emit, flush=True)
            await loop.run_in_executor(encoders, work)
            await paced
        if states is not None:
            asked.append(loop.run_in_executor(states, _snapshot))
    await asyncio.gather(*asked)


def _snapshot() -> ContinuationSnapshot:
    return ContinuationSnapshot.of(state_to_wire(backend.state()))
