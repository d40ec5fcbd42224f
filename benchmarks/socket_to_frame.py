"""What the server adds before a new viewer's first picture: from opening the socket to the first
fragment, less the time the model computes.

A segment of one chunk, so that the model's whole time lies before the first picture. The model
makes it in one denoising step; what it makes does not matter here.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report
from benchmarks._server import PROMPT, quickstart_server, watch_segment
from matinee.client.stream_client import StreamClient

SESSIONS = 200
UNCOUNTED = 10
INIT = {"seed": 7, "num_inference_steps": 1, "num_frames": 17}


def main() -> None:
    with quickstart_server() as server:
        added_ms = asyncio.run(measure(server.url))
    report(
        name="socket open to first fragment, less the model's time, p99",
        unit="ms",
        ours=statistics.quantiles(added_ms, n=100)[98],
        target=15.0,
        conditions={
            "sessions": f"{SESSIONS}, one after the other",
            "median_ms": round(statistics.median(added_ms), 2),
            "model": "bundled, 64x64, 17 frames, 1 step",
            "client": "on the same machine",
            **package_versions("uvicorn", "websockets", "uvloop"),
        },
    )


async def measure(url: str) -> list[float]:
    results = [await added_ms(url) for _ in range(UNCOUNTED + SESSIONS)]
    return results[UNCOUNTED:]


async def added_ms(url: str) -> float:
    started = time.perf_counter()
    async with StreamClient.connect(url, init=INIT) as stream:
        await stream.send_prompt(PROMPT)
        seen_ms = (await first_fragment_at(stream) - started) * 1000
        done = await watch_segment(stream)
    return seen_ms - float(done["generation_time_ms"])


async def first_fragment_at(stream: StreamClient) -> float:
    binaries = 0
    async for item in stream:
        binaries += isinstance(item, bytes)
        if binaries == 2:  # the first one holds no picture
            return time.perf_counter()
    raise RuntimeError(f"the server ended the session: {stream.close_reason}")


if __name__ == "__main__":
    main()
