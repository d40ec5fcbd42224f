"""A viewer beside 20 jobs that wait: what comes late, and how much of what is left the jobs use.

Jobs begin a chunk when no viewer's waits, and finish it. So the viewer's gaps grow by a chunk of a
job at most; the viewer is one that plays, and orders its next segment when the one before is there.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report
from benchmarks._server import PROMPT, Server, quickstart_server
from matinee.client.stream_client import StreamClient

SEGMENTS, JOBS = 12, 20
FIRST_S, FRAGMENT_S, SEGMENT_S = 1 / 8, 6 / 8, 33 / 8
"""What they last: of the bundled model, and the first fragment of a segment has one frame."""


@dataclass
class Watched:
    """`underruns`: moments in which a player that began with the first segment had nothing."""

    gaps_ms: list[float] = field(default_factory=list)
    underruns: int = 0
    busy_s: float = 0.0
    seconds: float = 0.0

    @property
    def p99_ms(self) -> float:
        return sorted(self.gaps_ms)[len(self.gaps_ms) * 99 // 100]


def main() -> None:
    with quickstart_server() as server:
        alone = asyncio.run(watched(server))
        job_s = seconds_of_a_job(server)
        ids = [ordered(server) for _ in range(JOBS)]
        before = made(server, ids)
        beside = asyncio.run(watched(server))
        done = made(server, ids) - before
        for video_id in ids:
            httpx.delete(f"{server.url}/v1/videos/{video_id}")
    left_s = beside.seconds - beside.busy_s
    tell(alone, beside, {"jobs_made": done, "left_s": round(left_s, 2)}, done * job_s / left_s)


def tell(alone: Watched, beside: Watched, left: dict[str, float], used: float) -> None:
    """`used`: part of the time that was left which the jobs took."""
    conditions = {"segments": SEGMENTS, "jobs": JOBS, **package_versions("uvicorn", "torch")}
    report(
        name="gaps of a viewer beside jobs against one without, 99th percentile",
        unit="x",
        ours=beside.p99_ms / alone.p99_ms,
        target=1.1,
        conditions={**conditions, "alone_ms": alone.p99_ms, "beside_ms": beside.p99_ms},
    )
    report(
        name="underruns of a viewer beside jobs",
        unit="",
        ours=beside.underruns,
        target=0,
        conditions=conditions,
    )
    report(
        name="time that a viewer leaves and jobs do not use",
        unit="%",
        ours=max(0.0, 100 * (1 - used)),
        target=10.0,
        conditions={**conditions, **left},
    )


async def watched(server: Server) -> Watched:
    """Each segment is ordered when the player has less in store than one lasts."""
    seen, played_until = Watched(), 0.0
    async with StreamClient.connect(server.url, init={"seed": 7}) as stream:
        started = time.perf_counter()
        for _ in range(SEGMENTS):
            await stream.send_prompt(PROMPT)
            last, first = time.perf_counter(), True
            async for item in stream:
                now = time.perf_counter()
                if isinstance(item, bytes):
                    seen.gaps_ms.append((now - last) * 1000)
                    seen.underruns += 0 < played_until < now
                    played_until = max(now, played_until) + (FIRST_S if first else FRAGMENT_S)
                    last, first = now, False
                elif item["type"] == "ltx2_segment_complete":
                    seen.busy_s += item["generation_time_ms"] / 1000
                    break
            await asyncio.sleep(max(0.0, played_until - time.perf_counter() - SEGMENT_S))
        seen.seconds = time.perf_counter() - started
    return seen


def ordered(server: Server) -> str:
    answer = httpx.post(f"{server.url}/v1/videos", json={"prompt": PROMPT, "seed": 1})
    return str(answer.json()["id"])


def made(server: Server, ids: list[str]) -> float:
    """Jobs, those that are under way in part."""
    jobs = [httpx.get(f"{server.url}/v1/videos/{video_id}").json() for video_id in ids]
    return float(sum(job["progress"] for job in jobs)) / 100


def seconds_of_a_job(server: Server) -> float:
    """The least of a few, alone, with everything that belongs to it."""
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        httpx.post(
            f"{server.url}/v1/videos/generations", json={"prompt": PROMPT, "seed": 1}, timeout=60
        )
        taken.append(time.perf_counter() - started)
    return min(taken)


if __name__ == "__main__":
    main()
