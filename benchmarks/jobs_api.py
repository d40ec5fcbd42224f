"""What a client of `/v1/videos` waits for among 10,000 jobs: a status, a page of the list.

And what a job takes besides the model: from its order to its end, less the denoising and decoding
that the same request takes in a session.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report
from benchmarks._server import PROMPT, Server, quickstart_server, watch_segment
from matinee.client.stream_client import StreamClient
from matinee.jobs import record
from matinee.jobs.desk import Desk
from matinee.jobs.record import Order
from matinee.jobs.retention import Bounds, Quota

JOBS, ASKED, MADE = 10_000, 1000, 9
SAMPLING = {"width": 64, "height": 64, "num_frames": 33, "fps": 8}
STEPS = {"num_inference_steps": 4, "guidance_scale": 1.0, "negative_prompt": ""}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ids = filled(Path(folder) / "jobs")
        with quickstart_server("--state-dir", folder) as server:
            ask = asking(server)
            told_ms = p99_ms(lambda number: ask("GET", f"/{ids[number * 7 % JOBS]}"))
            listed_ms = p99_ms(lambda number: ask("GET", f"?limit=20&after={ids[-1 - number]}"))
            overhead_ms = sorted(overheads_ms(server, ask))
    conditions = {"jobs": JOBS, "requests": ASKED, **package_versions("uvicorn", "fastapi")}
    for name, ours in (("status of a job", told_ms), ("page of 20 jobs", listed_ms)):
        title = f"{name} among 10,000, 99th percentile"
        report(name=title, unit="ms", ours=ours, target=10.0, conditions=conditions)
    report(
        name="a job besides its denoising and decoding, median",
        unit="ms",
        ours=overhead_ms[MADE // 2],
        target=30.0,
        conditions={"jobs": MADE, "most_ms": round(overhead_ms[-1], 1)},
    )


def filled(folder: Path) -> list[str]:
    """Ids of so many finished jobs, as a server left them."""
    desk = Desk(folder, Bounds(86400.0, 2 * JOBS, 2**40), Quota(1, 1, 2**40))
    order = Order(model="tiny", prompt=PROMPT, seed=1, seconds="4", sampling={**SAMPLING, **STEPS})
    now = time.time()
    jobs = [record.done(record.new_job(order, now), 0, now) for _ in range(JOBS)]
    with desk.ledger.writing():
        for job in jobs:
            desk.ledger.add(job)
    desk.close()
    return [job.id for job in jobs]


def asking(server: Server) -> Callable[..., dict[str, Any]]:
    """One connection, as clients keep it."""
    connection = HTTPConnection(urlsplit(server.url).netloc)

    def ask(method: str, path: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if fields is None else json.dumps(fields)
        connection.request(method, f"/v1/videos{path}", body, {"content-type": "application/json"})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        if "error" in answer and "object" not in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer

    return ask


def p99_ms(request: Callable[[int], object]) -> float:
    taken_ms = []
    for number in range(ASKED):
        started = time.perf_counter()
        request(number)
        taken_ms.append((time.perf_counter() - started) * 1000)
    return sorted(taken_ms)[ASKED * 99 // 100 - 1]


def overheads_ms(server: Server, ask: Callable[..., dict[str, Any]]) -> list[float]:
    model_ms = asyncio.run(segment_ms(server))
    return [job_ms(ask) - model_ms for _ in range(MADE)]


def job_ms(ask: Callable[..., dict[str, Any]]) -> float:
    started = time.perf_counter()
    job = ask("POST", "", {"prompt": PROMPT, "seed": 1})
    while job["status"] in ("queued", "in_progress"):
        time.sleep(0.001)
        job = ask("GET", f"/{job['id']}")
    return (time.perf_counter() - started) * 1000


async def segment_ms(server: Server) -> float:
    """What the worker computes for the same request, the least of a few."""
    taken = []
    for _ in range(3):
        async with StreamClient.connect(server.url) as stream:
            await stream.send_prompt(PROMPT, seed=1)
            taken.append((await watch_segment(stream))["generation_time_ms"])
    return float(min(taken))


if __name__ == "__main__":
    main()
