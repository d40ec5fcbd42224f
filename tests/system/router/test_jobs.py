"""OpenAI's API at a router: from servers that share their jobs, and from servers that do not."""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI
from PIL import Image

from tests.servers.redis_server import redis_server
from tests.system.end_to_end.jobs import create, ended, problem
from tests.system.end_to_end.serving import PATIENCE_S, Server, jobs_server, running
from tests.system.router.routing import backends, know_slots, routing
from tests.unit.runtime.worker.stepping import ALL, Gate

pytestmark = [
    pytest.mark.redis,
    pytest.mark.filterwarnings("ignore:The Sora API"),
]
ALICE, BOB = "alice-has-a-long-key", "bob-has-a-long-key-too"
KEYS = '{"keys": [{"name": "alice", "key": "%s"}, {"name": "bob / \\u00e9", "key": "%s"}]}'
UPLOAD_BYTES = 2**20


@pytest.fixture(scope="module")
def sharing_jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two servers with one list of jobs."""
    folder = tmp_path_factory.mktemp("jobs")
    with redis_server(folder) as redis, ExitStack() as stack:
        command = jobs_server(folder / "videos", store="redis", url=redis.url)
        servers = [
            stack.enter_context(running(command, folder / f"log-{index}", ready=False))
            for index in range(2)
        ]
        for server in servers:  # they start side by side
            server.wait_until_ready()
        yield servers


@pytest.fixture(scope="module")
def locked(
    sharing_jobs: list[Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A router with keys in front of both."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "keys.yaml").write_text(KEYS % (ALICE, BOB))
    urls = [server.url for server in sharing_jobs]
    settings = {"keys_file": str(folder / "keys.yaml"), "upload_bytes": UPLOAD_BYTES}
    with routing(folder, urls, **settings) as router:
        router.eventually(lambda: all(one["slots"] for one in backends(router).values()))
        yield router


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def client_of(router: Server, key: str = ALICE) -> OpenAI:
    return OpenAI(base_url=f"{router.url}/v1", api_key=key, max_retries=0, timeout=PATIENCE_S)


def asked(router: Server, method: str, path: str, key: str = ALICE, **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}", **more.pop("headers", {})}
    url = f"{router.url}/v1{path}"
    return httpx.request(method, url, headers=headers, timeout=PATIENCE_S, **more)


def test_openais_client_has_what_it_asks_for_through_a_router(
    locked: Server, sharing_jobs: list[Server]
) -> None:
    client = client_of(locked)
    video = client.videos.create_and_poll(prompt="a red ball", extra_body={"seed": 3})
    assert (video.status, video.progress) == ("completed", 100)
    whole = client.videos.download_content(video.id).read()
    assert whole[4:8] == b"ftyp"
    assert all(
        server.get(f"/v1/videos/{video.id}/content").content == whole for server in sharing_jobs
    )
    for variant in ("thumbnail", "spritesheet"):
        picture = client.videos.download_content(video.id, variant=variant).read()
        assert Image.open(io.BytesIO(picture)).format == "WEBP"
    remix = client.videos.remix(video.id, prompt="a blue cube")
    assert client.videos.poll(remix.id).status == "completed"
    assert [one.id for one in client.videos.list(limit=1)][:2] == [remix.id, video.id]
    assert client.images.generate(prompt="a ball").data
    for job in (remix, video):
        assert client.videos.delete(job.id).deleted
    with pytest.raises(NotFoundError):
        client.videos.retrieve(video.id)


def test_files_come_in_ranges_and_only_when_they_are_not_known(locked: Server) -> None:
    video = client_of(locked).videos.create_and_poll(prompt="a ball")
    path = f"/videos/{video.id}/content"
    whole = asked(locked, "GET", path)
    part = asked(locked, "GET", path, headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, whole.content[4:8])
    assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
    known = asked(locked, "GET", path, headers={"if-none-match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    head = asked(locked, "HEAD", path)
    assert head.headers["content-length"] == str(len(whole.content))


def test_an_owner_sees_her_own_jobs_only(locked: Server, sharing_jobs: list[Server]) -> None:
    hers, his = client_of(locked, ALICE), client_of(locked, BOB)
    job = hers.videos.create(prompt="a secret", extra_headers={"Idempotency-Key": "same"})
    other = his.videos.create(prompt="another", extra_headers={"Idempotency-Key": "same"})
    assert job.id != other.id
    assert [one.id for one in his.videos.list()] == [other.id]
    for method, path in (("GET", ""), ("GET", "/content"), ("POST", "/remix"), ("DELETE", "")):
        answer = asked(
            locked, method, f"/videos/{job.id}{path}", BOB, **_body(method, {"prompt": "mine"})
        )
        assert problem(answer)[:2] == (404, "video_not_found")
    assert job.id in [one["id"] for one in sharing_jobs[0].get("/v1/videos").json()["data"]]
    his.videos.delete(other.id)


def _body(method: str, fields: dict[str, str]) -> dict[str, Any]:
    return {"json": fields} if method == "POST" else {}


def test_who_has_no_key_and_pages_of_others_are_refused(locked: Server) -> None:
    assert problem(asked(locked, "GET", "/videos", "a-guess-of-a-key")) == (
        *(401, "invalid_api_key"),
        None,
    )
    page = {"origin": "https://evil.example.com"}
    refused = asked(locked, "POST", "/videos", headers=page, json={"prompt": "a ball"})
    assert problem(refused)[0] == 403
    assert asked(locked, "GET", "/videos/%2e%2e/status").status_code == 404


def noise(nbytes: int) -> bytes:
    picture = io.BytesIO()
    side = int((nbytes / 3) ** 0.5)
    Image.frombytes("RGB", (side, side), secrets.token_bytes(3 * side * side)).save(picture, "PNG")
    return picture.getvalue()


def test_an_upload_goes_through_as_it_comes_and_no_larger_than_it_may_be(locked: Server) -> None:
    form: dict[str, Any] = {"data": {"prompt": "a ball", "size": "32x32"}}
    fits, large = noise(UPLOAD_BYTES // 2), noise(2 * UPLOAD_BYTES)
    made = asked(locked, "POST", "/videos", files={"input_reference": fits}, **form)
    assert made.status_code == 200, made.text
    assert ended_of(locked, made.json()["id"])["status"] == "completed"
    refused = asked(locked, "POST", "/videos", files={"input_reference": large}, **form)
    assert refused.status_code == 413

    def in_pieces() -> Iterator[bytes]:
        yield from (b'{"prompt": "', b"a ball" * 20_000, b'"}')

    long = {"content-type": "application/json"}
    answer = asked(locked, "POST", "/videos", headers=long, content=in_pieces())
    assert problem(answer) == (400, "invalid_value", "prompt"), "it arrived, whole"


def ended_of(router: Server, video_id: str) -> dict[str, Any]:
    def job() -> dict[str, Any]:
        found: dict[str, Any] = asked(router, "GET", f"/videos/{video_id}").json()
        return found

    router.eventually(lambda: job()["status"] in ("completed", "failed"))
    return job()


async def test_who_leaves_while_a_video_is_made_stops_it(
    locked: Server, sharing_jobs: list[Server], gate: Gate
) -> None:
    url = f"{locked.url}/v1/videos/generations"
    headers = {"authorization": f"Bearer {BOB}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_S) as client:
        posting = asyncio.create_task(client.post(url, json={"prompt": gate.order}))
        await gate.arrival()
        posting.cancel()
        await asyncio.wait([posting])
    sharing_jobs[0].eventually(lambda: not asked(locked, "GET", "/videos", BOB).json()["data"])
    gate.go(ALL)
    made = asked(locked, "POST", "/videos/generations", BOB, json={"prompt": "a ball"}).json()
    where = made["data"][0]["url"]
    assert where == f"{locked.url}/v1/videos/{made['id']}/content"
    assert asked(locked, "GET", f"/videos/{made['id']}/content", BOB).status_code == 200


def test_where_each_server_has_its_own_jobs_the_one_that_knows_it_is_found(
    router: Server, pods: list[Server]
) -> None:
    know_slots(router, [pod.url for pod in pods])
    jobs = [create(pod)["id"] for pod in pods]
    for job in jobs:
        assert ended(router, job)["status"] == "completed"
        assert router.get(f"/v1/videos/{job}/content").content[4:8] == b"ftyp"
    assert problem(router.get("/v1/videos/video_of_nobody"))[:2] == (404, "video_not_found")
    listed = router.get("/v1/videos")
    assert listed.status_code == 501
    assert "jobs.store" in listed.json()["error"]["message"]
    there = create(router)["id"]
    assert ended(router, there)["status"] == "completed"
    for job in (*jobs, there):
        assert httpx.delete(f"{router.url}/v1/videos/{job}").json()["deleted"]


def test_without_any_server_it_says_so(tmp_path: Path) -> None:
    with routing(tmp_path, ["http://127.0.0.1:9"]) as router:
        answer = router.get("/v1/videos")
    assert problem(answer)[0] == 502
