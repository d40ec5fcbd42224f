"""What the server adds before a new viewer's first picture: from opening the socket to the first
fragment, less the time the model computes. Beside it a bare WebSocket that encodes one picture.

A segment of one chunk, so that the model's whole time lies before the first picture. The model
makes it in one denoising step; what it makes does not matter here.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import Figure, package_versions, report
from benchmarks._server import PROMPT, ROOT, quickstart_server, watch_segment
from matinee.client.stream_client import StreamClient

TURNS, SESSIONS, UNCOUNTED = 7, 60, 10
INIT = {"seed": 7, "num_inference_steps": 1, "num_frames": 17}


def main() -> None:
    with quickstart_server() as server, bare_socket() as bare_url:
        ours, floor = asyncio.run(measure(server.url, bare_url))
    for name, part in (("median", statistics.median), ("90th percentile", p90)):
        report(
            name=f"socket open to first fragment, less the model's time, {name}",
            unit="ms",
            ours=Figure(tuple(map(part, ours))),
            peer=Figure(tuple(map(part, floor))),
            target=2.0,
            conditions={
                "sessions": f"{SESSIONS} in each turn, one after the other",
                "model": "bundled, 64x64, 17 frames, 1 step",
                "floor": "a bare uvicorn WebSocket that encodes and sends one picture of 64x64",
                "client": "on the same machine",
                **package_versions("uvicorn", "websockets", "uvloop"),
            },
        )


@contextmanager
def bare_socket() -> Iterator[str]:
    """The floor's address."""
    command = [sys.executable, "-m", "benchmarks._bare_socket"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


async def measure(url: str, bare_url: str) -> tuple[list[list[float]], list[list[float]]]:
    """Milliseconds of each session, by turns. The two are taken alternately."""
    for _ in range(UNCOUNTED):
        await added_ms(url)
        await bare_ms(bare_url)
    ours: list[list[float]] = [[] for _ in range(TURNS)]
    floor: list[list[float]] = [[] for _ in range(TURNS)]
    for ours_turn, floor_turn in zip(ours, floor, strict=True):
        for _ in range(SESSIONS):
            ours_turn.append(await added_ms(url))
            floor_turn.append(await bare_ms(bare_url))
    return ours, floor


async def added_ms(url: str) -> float:
    started = time.perf_counter()
    async with StreamClient.connect(url, init=INIT) as stream:
        await stream.send_prompt(PROMPT)
        seen_ms = (await first_fragment_at(stream) - started) * 1000
        done = await watch_segment(stream)
    return seen_ms - float(done["generation_time_ms"])


async def bare_ms(url: str) -> float:
    started = time.perf_counter()
    async with StreamClient.connect(url, init=INIT) as stream:
        await stream.send_prompt(PROMPT)
        return (await first_fragment_at(stream) - started) * 1000


async def first_fragment_at(stream: StreamClient) -> float:
    binaries = 0
    async for item in stream:
        binaries += isinstance(item, bytes)
        if binaries == 2:  # the first one holds no picture
            return time.perf_counter()
    raise RuntimeError(f"the server ended the session: {stream.close_reason}")


def p90(values: list[float]) -> float:
    return statistics.quantiles(values, n=10)[8]


if __name__ == "__main__":
    main()
