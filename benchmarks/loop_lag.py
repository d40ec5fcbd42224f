"""How long the API process keeps its event loop from anything else while four sessions of 480p are
encoded and sent as fast as they are watched.

Everything is real but the model: worker process, shared memory, encoders, sockets. The viewers are
another process. A timer that is due each 5 ms tells how late it runs.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import uvicorn
import uvloop

from benchmarks import _paced_backend
from benchmarks._report import package_versions, report
from benchmarks._server import watch_session
from matinee.server import host
from matinee.server.lifecycle import Lifecycle
from matinee_api.config.runtime_config import (
    GeneratorConfig,
    ServeConfig,
    StreamingConfig,
    WarmupConfig,
)

TIMER_S = 0.005
SEGMENTS = 4
CONFIG = ServeConfig(
    generator=GeneratorConfig(model_path="paced"),
    streaming=StreamingConfig(
        max_sessions=_paced_backend.SESSIONS,
        generation_segment_cap=0,
        warmup=WarmupConfig(enabled=False),
    ),
)


def main() -> None:
    if len(sys.argv) > 1:
        asyncio.run(view(sys.argv[1]))
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        idle_ms, busy_ms = runner.run(measure())
    backend = _paced_backend
    report(
        name="event loop lag with 4 encoding sessions at 480p, p99",
        unit="ms",
        ours=p99(busy_ms),
        target=2.0,
        conditions={
            "sessions": f"{backend.SESSIONS} of {backend.WIDTH}x{backend.HEIGHT} at {backend.FPS}",
            "frames_of_each": SEGMENTS * backend.SEGMENT,
            "timer_ms": TIMER_S * 1000,
            "idle_p99_ms": round(p99(idle_ms), 3),
            "median_ms": round(statistics.median(busy_ms), 3),
            "worst_ms": round(max(busy_ms), 2),
            **package_versions("uvloop", "av"),
        },
    )


async def measure() -> tuple[list[float], list[float]]:
    """Lags without sessions and with them."""
    listening = host.bind("127.0.0.1", 0)
    life = Lifecycle(CONFIG, "benchmark", backend=_paced_backend.__name__)
    web = uvicorn.Server(host.uvicorn_config(CONFIG, life, None))
    serving = asyncio.create_task(web.serve(sockets=[listening]))
    await life.pool.ready()
    idle = await lags_ms(asyncio.create_task(asyncio.sleep(2.0)))
    busy = await lags_ms(asyncio.create_task(viewers(listening)))
    web.should_exit = True
    await serving
    return idle, busy


async def viewers(listening: socket.socket) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, host.url_of(listening))
    if await process.wait():
        raise RuntimeError("the viewers failed")


async def view(url: str) -> None:
    await asyncio.gather(*(watch_session(url, SEGMENTS) for _ in range(_paced_backend.SESSIONS)))


async def lags_ms(during: asyncio.Task[None]) -> list[float]:
    """uvloop's own clock counts whole milliseconds, which is too coarse here."""
    lags: list[float] = []
    while not during.done():
        due = time.perf_counter() + TIMER_S
        await asyncio.sleep(TIMER_S)
        lags.append(max(0.0, time.perf_counter() - due) * 1000)
    await during
    return lags


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    main()
