"""Jobs of servers that share a Redis and a folder: killed, paused, and without the Redis."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers.redis_server import RedisServer, redis_server
from tests.system.end_to_end.jobs import client_of, create, ended, seen
from tests.system.end_to_end.serving import Server, jobs_server, running
from tests.unit.runtime.worker.stepping import ALL, Gate

pytestmark = [
    pytest.mark.redis,
    pytest.mark.filterwarnings("ignore:The Sora API"),
]
FILES = {"video.mp4", "thumbnail.webp", "spritesheet.webp"}
LEASE_S = 3.0
"""Longer than a busy machine keeps a server from saying that it is alive."""
SAFE = ("--appendonly", "yes", "--appendfsync", "always")
Start = Callable[[], Server]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "videos"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path, *SAFE) as server:
        yield server


@pytest.fixture
def start(redis: RedisServer, folder: Path, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        logs = iter(range(100))
        shared = {"store": "redis", "url": redis.url, "lease_seconds": LEASE_S}

        def start() -> Server:
            log = tmp_path / f"server-{next(logs)}.log"
            return stack.enter_context(running(jobs_server(folder, **shared), log))

        yield start


def left_in(folder: Path) -> dict[str, list[set[str]]]:
    """Of each job the files of each making that was kept."""
    return {
        job.name: [{file.name for file in part.iterdir()} for part in job.iterdir()]
        for job in (folder / "default").iterdir()
    }


async def test_jobs_of_servers_that_are_killed_or_paused_are_made_once_by_others(
    start: Start, folder: Path, gate: Gate
) -> None:
    killed = start()
    jobs = [create(killed, prompt=gate.order, seed=5)["id"] for _ in range(2)]
    await gate.arrival()
    killed.stop(signal.SIGKILL)
    gate.forget()
    paused = start()
    await gate.arrival()
    for process in paused.family():
        process.suspend()
    gate.forget()
    last = start()
    await gate.arrival()
    for process in reversed(paused.family()):
        process.resume()
    gate.go(ALL)
    for job in jobs:
        assert ended(last, job)["status"] == "completed"
    answers = []
    for server in (paused, last):
        paths = ["", *(f"/{job}/content" for job in jobs)]
        answers.append([server.get(f"/v1/videos{path}").content for path in paths])
    assert answers[0] == answers[1]
    assert answers[0][1] == answers[0][2], "the same seed"
    listed = [video.id for video in client_of(paused).videos.list(order="asc")]
    assert listed == jobs
    paused.eventually(lambda: left_in(folder) == {job: [FILES] for job in jobs})


async def test_a_job_is_made_to_its_end_while_the_redis_is_away(
    start: Start, folder: Path, gate: Gate, redis: RedisServer, tmp_path: Path
) -> None:
    server = start()
    job = create(server, prompt=gate.order)["id"]
    waiting = create(server)["id"]
    await gate.arrival()
    redis.stop()
    told = server.get(f"/v1/videos/{job}")
    assert (told.status_code, told.json()["error"]["code"]) == (503, "unavailable")
    assert int(told.headers["retry-after"]) > 0
    gate.go(ALL)
    with redis_server(tmp_path, *SAFE):
        for one in (job, waiting):
            server.eventually(lambda: server.get(f"/v1/videos/{one}").status_code == 200)  # noqa: B023
            assert ended(server, one)["status"] == "completed"
        other = start()
        assert other.get("/v1/videos").json() == server.get("/v1/videos").json()
        gone = create(other)["id"]
        client_of(server).videos.delete(gone)
        assert seen(other, gone)["error"]["code"] == "video_not_found"
        other.eventually(lambda: left_in(folder) == {job: [FILES], waiting: [FILES]})
        stores = {one.slots()["jobs_store"] for one in (server, other)}
        assert len(stores) == 1
        assert "" not in stores
