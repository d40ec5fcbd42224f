"""How long the API process keeps its event loop from anything else while four sessions of 480p are
encoded and sent as fast as they are watched; once more while each of them asks for a snapshot of
nine frames of 704x480 after every segment.

Everything is real but the model: worker process, shared memory, encoders, sockets. The viewers are
another process that gives way, as they stand for other machines. A timer that is due each 5 ms
tells how late it runs (`_precise_timer.py`). The floor is a loop that does nothing but hand the
same work to the same threads, and what they make to viewers that throw it away (`_bare_loop.py`).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import uvicorn
import uvloop

from benchmarks import _paced_backend as backend
from benchmarks._bare_loop import bare_sessions, clip
from benchmarks._precise_timer import lags_ms
from benchmarks._report import package_versions, report, take_turns
from benchmarks._server import PROMPT, watch_segment, watch_until
from matinee.client.stream_client import StreamClient
from matinee.server import host
from matinee.server.lifecycle import Lifecycle
from matinee.serving.access import ControlAccess
from matinee.serving.listening import bind_for_viewers, url_of
from matinee_api.config.runtime_config import (
    GeneratorConfig,
    ServeConfig,
    StreamingConfig,
    WarmupConfig,
)

TIMER_S = 0.005
VIEWERS_NICENESS = 19
SEGMENTS = 2
TURNS = 5
CONFIG = ServeConfig(
    generator=GeneratorConfig(model_path="paced"),
    streaming=StreamingConfig(
        max_sessions=backend.SESSIONS,
        generation_segment_cap=0,
        warmup=WarmupConfig(enabled=False),
    ),
)
NOTICED_MS = 0.5
"""A lag below it counts as that: half of the unit of uvloop's own timers, which are later by
themselves. The ratio to an idle loop's 0.1 ms would be one of single messages."""
Lags = list[tuple[float, float]]
"""See `lags_ms`."""


def main() -> None:
    if len(sys.argv) > 1:
        os.nice(VIEWERS_NICENESS)
        url, what = sys.argv[1:]
        asyncio.run(throw_away(url) if what == "nothing" else view(url, what == "snapshots"))
        return
    tell("event loop lag with 4 encoding sessions at 480p, p99", p99, snapshots=False)
    tell(
        "event loop stalls with snapshots of 9 frames of 704x480, mean of the longest 8",
        longest,
        snapshots=True,
    )


def tell(name: str, figure: Callable[[list[float]], float], *, snapshots: bool) -> None:
    every: dict[str, Lags] = {"ours": [], "floor": []}

    def measured(which: str, work: Callable[..., Coroutine[Any, Any, Lags]]) -> float:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lags = runner.run(work(snapshots=snapshots))
        every[which] += lags
        return max(NOTICED_MS, figure([late for late, _ in lags]))

    ours, floor = take_turns(
        TURNS, partial(measured, "ours", served), partial(measured, "floor", bare)
    )
    report(
        name=name,
        unit="ms",
        ours=ours,
        peer=floor,
        target=1.5,
        conditions={
            "sessions": f"{backend.SESSIONS} of {backend.WIDTH}x{backend.HEIGHT} at {backend.FPS}",
            "frames_of_each": SEGMENTS * backend.SEGMENT,
            "snapshots": backend.SESSIONS * SEGMENTS if snapshots else 0,
            "timer_ms": TIMER_S * 1000,
            "least_counted_ms": NOTICED_MS,
            "floor": "a loop that only hands pictures to the same threads and fragments to sockets",
            "viewers": "another process, which gives way: they stand for other machines",
            **{f"{which}_{key}": value for which in every for key, value in told(every[which])},
            **package_versions("uvloop", "av"),
        },
    )


def told(lags: Lags) -> list[tuple[str, float]]:
    late = [late for late, _ in lags]
    figures = {
        "median_ms": statistics.median(late),
        "p99_ms": p99(late),
        "worst_ms": max(late),
        "busiest_tick_cpu_ms": max(cpu for _, cpu in lags),
    }
    return [(name, round(value, 3)) for name, value in figures.items()]


async def served(*, snapshots: bool) -> Lags:
    listening = bind_for_viewers("127.0.0.1", 0)
    life = Lifecycle(CONFIG, "benchmark", backend=backend.__name__)
    web = uvicorn.Server(host.uvicorn_config(CONFIG, life, ControlAccess()))
    serving = asyncio.create_task(web.serve(sockets=[listening]))
    await life.pool.ready()
    # Before the first tick: a process that starts another one stands still meanwhile.
    watching = await viewers(url_of(listening), "snapshots" if snapshots else "video")
    lags = await lags_ms(ended(watching), TIMER_S)
    web.should_exit = True
    await serving
    return lags


async def bare(*, snapshots: bool) -> Lags:
    clip()
    backend.state()
    arrived: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, viewer: arrived.put(viewer), "127.0.0.1", 0)
    async with server:
        watching = await viewers(url_of(server.sockets[0]), "nothing")
        writers = [await arrived.get() for _ in range(backend.SESSIONS)]
        lags = await lags_ms(bare_sessions(SEGMENTS, writers, snapshots=snapshots), TIMER_S)
        for writer in writers:
            writer.close()
        await ended(watching)
    return lags


async def viewers(url: str, what: str) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, __file__, url, what)


async def ended(watching: Process) -> None:
    if await watching.wait():
        raise RuntimeError("the viewers failed")


async def throw_away(url: str) -> None:
    """What the floor sends."""
    address = urlsplit(url)

    async def one() -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        while await reader.read(2**16):
            pass
        writer.close()

    await asyncio.gather(*(one() for _ in range(backend.SESSIONS)))


async def view(url: str, snapshots: bool) -> None:
    await asyncio.gather(*(watch(url, snapshots=snapshots) for _ in range(backend.SESSIONS)))


async def watch(url: str, *, snapshots: bool) -> None:
    """The snapshot of a segment is made while the next one plays."""
    async with StreamClient.connect(url, init={"seed": 7}) as stream:
        for _ in range(SEGMENTS):
            async with asyncio.timeout(300):
                await stream.send_prompt(PROMPT)
                await watch_segment(stream)
            if snapshots:
                await stream.send("snapshot_state")
        if snapshots:
            await watch_until(stream, "continuation_state_snapshot")


def longest(values: list[float]) -> float:
    """As many as snapshots are made, so that none can stall the loop unseen; and a single hiccup of
    the machine does not decide."""
    return statistics.mean(sorted(values)[-backend.SESSIONS * SEGMENTS :])


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    main()
