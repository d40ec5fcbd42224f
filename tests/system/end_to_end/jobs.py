"""Servers with jobs, and what one sees of them with OpenAI's client and in their folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from openai import AsyncOpenAI, OpenAI

from tests.system.end_to_end.serving import PATIENCE_S, Server, jobs_server, running

StartJobs = Callable[..., Server]
KEY = "any key: a server without keys takes it"


def client_of(server: Server) -> OpenAI:
    """Every mistake is told at once."""
    return OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0, timeout=PATIENCE_S)


def async_client_of(server: Server) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0, timeout=PATIENCE_S)


@contextmanager
def starting_in(folder: Path) -> Iterator[StartJobs]:
    """Servers that share a folder of jobs, one after the other or at once."""
    with ExitStack() as stack:
        logs = iter(range(100))

        def start(**jobs: object) -> Server:
            log = folder.parent / f"jobs-{next(logs)}.log"
            return stack.enter_context(running(jobs_server(folder, **jobs), log))

        yield start


def create(server: Server, **fields: Any) -> dict[str, Any]:
    """As JSON. The answer's."""
    answer = server.post("/v1/videos", {"prompt": "a ball", **fields})
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def seen(server: Server, video_id: str) -> dict[str, Any]:
    job: dict[str, Any] = server.get(f"/v1/videos/{video_id}").json()
    return job


def ended(server: Server, video_id: str) -> dict[str, Any]:
    """When it has."""
    server.eventually(lambda: seen(server, video_id)["status"] in ("completed", "failed"))
    return seen(server, video_id)


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and param of an error, which has OpenAI's form."""
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"]
    return answer.status_code, error["code"], error["param"]


def left_in(folder: Path) -> dict[str, set[str]]:
    """Of each job its files; and what else is in the folder of jobs, under the empty name."""
    files = {
        job.name: {file.name for file in job.iterdir()} for job in (folder / "files").iterdir()
    }
    making = {file.name for one in (folder / "making").iterdir() for file in one.iterdir()}
    return {**files, "": making}
