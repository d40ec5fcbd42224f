"""Jobs beside viewers, under cancels and deaths, and from several servers of one folder."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import openai
import pytest

from tests.system.end_to_end.jobs import (
    StartJobs,
    async_client_of,
    client_of,
    create,
    ended,
    left_in,
    seen,
    starting_in,
)
from tests.system.end_to_end.viewing import session
from tests.unit.runtime.worker.stepping import ALL, Gate, step_until

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API")
"""OpenAI's own; the API lives on in others."""
FILES = {"video.mp4", "thumbnail.webp", "spritesheet.webp"}
IN_A_CHUNK, STEPS = 4, 12
"""Steps of the fake engine, also of 33 frames."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
def start(folder: Path) -> Iterator[StartJobs]:
    with starting_in(folder) as start:
        yield start


async def test_a_job_tells_each_step_waits_for_viewers_and_stops_when_it_is_deleted(
    start: StartJobs, folder: Path, gate: Gate
) -> None:
    server = start(max_queued=1)
    client = async_client_of(server)
    job = await client.videos.create(prompt=gate.order, extra_body={"num_frames": 33})
    progress = [0]
    await gate.arrival()
    for step in range(1, IN_A_CHUNK):
        gate.go()
        await gate.arrival()
        while progress[-1] < 100 * step // STEPS:  # it is written down by another thread
            told = await client.videos.retrieve(job.id)
            progress.append(told.progress)
    assert progress == sorted(progress)
    assert told.status == "in_progress"

    waiting = await client.videos.create(prompt="the next one")
    with pytest.raises(openai.RateLimitError) as full:
        await client.videos.create(prompt="one too many")
    assert full.value.code == "rate_limit_exceeded"
    assert 1 <= int(full.value.response.headers["retry-after"]) <= 60

    async with session(server) as viewer:
        await viewer.ask("a viewer's ball")
        await viewer.hear("ltx2_segment_start")
        gate.go()  # the last step of the job's first chunk
        await viewer.hear("ltx2_segment_complete")
        await gate.arrival()  # and only then the first of its second
        assert (await client.videos.delete(job.id)).deleted
        await viewer.end()
    made = await step_until(gate, client.videos.poll(waiting.id))  # so the worker is free
    assert made.status == "completed"
    assert left_in(folder) == {waiting.id: FILES, "": set()}
    await client.close()


async def test_servers_killed_at_any_moment_lose_no_job_and_leave_nothing_over(
    start: StartJobs, folder: Path, gate: Gate
) -> None:
    """SIGKILL before a step of the first job, and in the moments after its last one."""
    rng = Random(17)  # noqa: S311 - no secret
    server = start()
    jobs = [create(server, prompt=gate.order, seed=5)["id"] for _ in range(3)]
    for steps in (rng.randrange(IN_A_CHUNK), IN_A_CHUNK):
        for _ in range(steps):
            await gate.arrival()
            gate.go()
        if steps < IN_A_CHUNK:
            await gate.arrival()
        else:
            await asyncio.sleep(rng.random() / 20)  # encoded, written down, or put in place
        server.stop(signal.SIGKILL)
        gate.forget()
        server = start()
    gate.go(ALL)
    for job in jobs:
        assert ended(server, job)["status"] == "completed"
    contents = {server.get(f"/v1/videos/{job}/content").content for job in jobs}
    assert len(contents) == 1
    assert left_in(folder) == {**dict.fromkeys(jobs, FILES), "": set()}
    listed = [video.id for video in client_of(server).videos.list(order="asc")]
    assert listed == jobs


def test_two_servers_of_one_folder_answer_alike_and_one_goes_on_where_the_other_ends(
    start: StartJobs, folder: Path, gate: Gate
) -> None:
    servers = [start(), start()]
    jobs = [create(server, seed=3)["id"] for server in servers * 2]
    for job in jobs:
        ended(servers[0], job)
    paths = ["", *(f"/{job}/content" for job in jobs)]
    answers = [[server.get(f"/v1/videos{path}").content for path in paths] for server in servers]
    assert answers[0] == answers[1]

    stuck = create(servers[0], prompt=gate.order)["id"]
    servers[0].eventually(lambda: seen(servers[0], stuck)["status"] == "in_progress")
    for server in servers:  # one of them does not make it, and it stops all the same
        httpx.delete(f"{server.url}/v1/videos/{stuck}")
    gate.go(ALL)
    assert seen(servers[1], stuck)["error"]["code"] == "video_not_found"

    last = create(servers[0])["id"]
    assert servers[0].stop() == 0
    assert ended(servers[1], last)["status"] == "completed"
    assert left_in(folder) == {**dict.fromkeys([*jobs, last], FILES), "": set()}
