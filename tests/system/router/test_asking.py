"""Plain HTTP, and who may ask what: keys, names, origins; and the router's end."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from matinee.cli import main
from tests.system.end_to_end.serving import PATIENCE_S, Server
from tests.system.end_to_end.viewing import messages_of, raw, session
from tests.system.router.routing import backends, command, routing

ALICE, BOB, CAROL = "alice-has-a-long-key", "bob-has-a-long-key-too", "carol-has-another-key"
OURS: tuple[dict[str, Any], ...] = (
    {"name": "alice", "key": ALICE, "max_sessions": 1},
    {"name": "carol", "key": CAROL},
)


def test_the_player_and_the_models_come_from_a_backend(router: Server, pods: list[Server]) -> None:
    page, direct = router.get("/player"), pods[0].get("/player")
    assert (page.status_code, page.content) == (200, direct.content)
    for name in ("content-type", "etag", "content-security-policy"):
        assert page.headers.get(name) == direct.headers.get(name), name
    again = httpx.get(f"{router.url}/player", headers={"if-none-match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert router.get("/player/main.js").content == pods[0].get("/player/main.js").content
    models = router.get("/v1/models").json()["data"]
    assert router.get(f"/v1/models/{models[0]['id']}").json() == models[0]
    assert router.get("/v1/models/none").status_code == 404
    assert router.get("/").headers["location"] == "player"
    head = httpx.head(f"{router.url}/player")
    assert (head.status_code, head.content) == (200, b"")
    assert httpx.post(f"{router.url}/v1/models").status_code == 405


def test_status_has_the_fields_of_the_reference_and_more(
    router: Server, pods: list[Server]
) -> None:
    router.eventually(lambda: [one["free"] for one in backends(router).values()] == [2, 2])
    status = router.get("/status").json()
    assert [one["url"] for one in status["replicas"]] == [pod.url for pod in pods]
    for one in status["replicas"]:
        assert (one["primary"], one["status"], one["consecutive_failures"]) == (False, "healthy", 0)
        assert one["last_ok_at"] > 1.7e9
        assert one["last_latency_ms"] > 0
    assert status["open_to_anybody"] is True
    assert status["limits_shared"] is None
    assert router.get("/healthz").json()["status"] == "ok"
    ready = router.get("/readyz").json()
    assert (ready["status"], ready["backends"], ready["healthy_backends"]) == ("ready", 2, 2)
    slots = [(one["free"], one["slots"]["total"]) for one in backends(router).values()]
    assert slots == [(2, 2), (2, 2)]
    assert router.metric("matinee_router_backend_up", backend=pods[0].url) == 1
    assert router.get("/nowhere").status_code == 404
    with httpx.stream("GET", f"{router.url}/v1/table", timeout=PATIENCE_S) as feed:
        told = json.loads(next(feed.iter_lines()))
    assert told == {
        "sessions": 0,
        "queued": 0,
        "open_to_anybody": True,
        "backends": [pod.url for pod in pods],
    }


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys.yaml"
    write_keys(file, *OURS)
    return file


def write_keys(file: Path, *keys: dict[str, Any]) -> None:
    """At once, as a Secret's volume does it."""
    new = file.with_suffix(".new")
    new.write_text(yaml.safe_dump({"keys": list(keys)}))
    os.replace(new, file)


@pytest.fixture(scope="module")
def locked(pods: list[Server], keys: Path) -> Iterator[Server]:
    settings = {
        "keys_file": str(keys),
        "allowed_hosts": ["video.example.com"],
        "allowed_origins": ["https://page.example.com"],
    }
    with routing(keys.parent, [pod.url for pod in pods], **settings) as server:
        yield server


async def refused(router: Server, **headers: str) -> int:
    """The status of a handshake that is refused."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(InvalidStatus) as caught:
        await connect(
            router.url.replace("http:", "ws:") + named.pop("path", "/v1/stream"),
            additional_headers=named,
        )
    return caught.value.response.status_code


def test_only_holders_of_a_key_see_the_models_and_anybody_the_player(locked: Server) -> None:
    assert locked.get("/v1/models").status_code == 401
    bearer: dict[str, Any] = {"authorization": f"Bearer {ALICE}"}
    assert httpx.get(f"{locked.url}/v1/models", headers=bearer).status_code == 200
    assert locked.get("/player").status_code == 200
    status = locked.get("/status").json()
    assert (status["open_to_anybody"], status["limits_shared"]) == (False, False)


async def test_only_holders_of_a_key_open_sessions(locked: Server) -> None:
    assert await refused(locked) == 401
    assert await refused(locked, authorization="Bearer guess") == 401
    assert await refused(locked, authorization=f"Basic {ALICE}") == 401
    bearer: dict[str, Any] = {"authorization": f"Bearer {ALICE}"}
    async with raw(locked, **bearer) as viewer:
        await viewer.say("session_init_v2")
        await viewer.segment("a ball")
        async with raw(locked, **bearer) as second:
            await second.say("session_init_v2")
            items = await second.rest()
        (error,) = messages_of(items, "error")
        assert (error["code"], error["retryable"]) == ("session_rejected", True)
        assert (second.close_code, second.close_reason) == (1013, "key_limit")
        await viewer.end()


async def test_a_page_brings_its_key_as_a_subprotocol(locked: Server) -> None:
    address = locked.url.replace("http:", "ws:") + "/v1/stream"
    offered: Any = ["matinee", f"matinee.key.{ALICE}"]
    async with connect(address, subprotocols=offered) as socket:
        assert socket.subprotocol == "matinee"


def ticket_of(router: Server, **headers: str) -> httpx.Response:
    return httpx.post(f"{router.url}/v1/tickets", headers=headers)


async def test_a_page_opens_one_stream_with_a_ticket_that_it_got_for_its_key(
    locked: Server, router: Server
) -> None:
    bearer = {"authorization": f"Bearer {ALICE}"}
    for wrong in ({}, {"authorization": "Bearer guess"}):
        assert ticket_of(locked, **wrong).status_code == 401
    assert ticket_of(locked, **bearer, origin="https://evil.example.com").status_code == 403
    assert locked.get("/v1/tickets").status_code == 405
    assert ticket_of(router).status_code == 404, "who needs no key needs no ticket"
    given = ticket_of(locked, **bearer, origin="https://page.example.com")
    assert given.headers["access-control-allow-origin"] == "https://page.example.com"
    ticket = given.json()["ticket"]
    assert given.json()["expires_in_seconds"] == 30
    address = locked.url.replace("http:", "ws:") + "/v1/stream"
    offered: Any = ["matinee", f"matinee.ticket.{ticket}"]
    async with connect(address, subprotocols=offered) as socket:
        assert socket.subprotocol == "matinee"
        assert await refused(locked, sec_websocket_protocol=", ".join(offered)) == 401
    assert await refused(locked, sec_websocket_protocol=f"matinee.ticket.{ticket[:-1]}A") == 401


def test_a_page_of_an_allowed_origin_may_ask_for_a_ticket(locked: Server) -> None:
    asked = {"access-control-request-method": "POST"}
    origins = {"https://page.example.com": 204, "https://evil.example.com": 403}
    for origin, status in origins.items():
        headers = {"origin": origin, **asked}
        answer = httpx.options(f"{locked.url}/v1/tickets", headers=headers)
        assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_an_owner_gets_so_many_tickets_at_once(locked: Server) -> None:
    headers = {"authorization": f"Bearer {CAROL}"}
    with httpx.Client(base_url=locked.url, headers=headers) as client:
        assert client.post("/v1/tickets").status_code == 200
        locked.eventually(lambda: client.post("/v1/tickets").status_code == 429)


async def test_keys_change_without_a_restart_and_a_broken_file_changes_nothing(
    locked: Server, keys: Path
) -> None:
    digest = hashlib.sha256(BOB.encode()).hexdigest()
    bearer: dict[str, Any] = {"authorization": f"Bearer {BOB}"}
    assert await refused(locked, **bearer) == 401
    write_keys(keys, {"name": "bob", "key_sha256": digest, "sessions_per_minute": 1})
    async with raw(locked, **bearer) as viewer:
        await viewer.say("session_init_v2")
        await viewer.hear("ltx2_stream_start")
        await viewer.end()
    assert await refused(locked, authorization=f"Bearer {ALICE}") == 401
    write_keys(keys, {"name": "nobody"})
    async with raw(locked, **bearer) as viewer:
        await viewer.say("session_init_v2")
        await viewer.rest()
    assert (viewer.close_code, viewer.close_reason) == (1013, "key_limit")
    assert "the keys stay as they were" in locked.log.read_text()
    assert ALICE not in locked.log.read_text()
    write_keys(keys, *OURS)


def test_names_of_others_are_refused(locked: Server) -> None:
    named = httpx.get(f"{locked.url}/status", headers={"host": "evil.example.com"})
    assert named.status_code == 421
    assert "router.allowed_hosts" in named.json()["error"]
    ours = httpx.get(f"{locked.url}/status", headers={"host": "video.example.com"})
    assert ours.status_code == 200


async def test_pages_of_others_are_refused(locked: Server) -> None:
    key = f"Bearer {ALICE}"
    assert await refused(locked, authorization=key, origin="https://evil.example.com") == 403
    assert await refused(locked, authorization=key, path="/v1/elsewhere") == 404
    async with raw(locked, authorization=key, origin="https://page.example.com") as viewer:
        await viewer.socket.close()


async def test_a_router_that_is_stopped_tells_every_viewer(
    pods: list[Server], tmp_path: Path
) -> None:
    with routing(tmp_path, [pod.url for pod in pods]) as router:
        async with session(router) as viewer:
            await viewer.segment("a ball")
            router.process.terminate()
            items = await viewer.rest()
        assert messages_of(items, "ltx2_stream_complete")[0]["reason"] == "drained"
        assert (viewer.close_code, viewer.close_reason) == (1012, "router_shutdown")
        assert router.process.wait(PATIENCE_S) == 143


def test_the_reference_systems_file_works_unchanged(pods: list[Server], tmp_path: Path) -> None:
    config = tmp_path / "router.yaml"
    config.write_text(REFERENCE.format(pods[0].url, pods[1].url))
    process = subprocess.Popen(command(config), stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("ready: ").strip().removesuffix("/player")
            router = Server(process, tmp_path / "log", url)
            router.eventually(lambda: router.get("/readyz").status_code == 200)
            replicas = router.get("/status").json()["replicas"]
            assert [one["name"] for one in replicas] == ["gpu-a", pods[1].url]
            assert [one["primary"] for one in replicas] == [True, False]
        finally:
            process.kill()


REFERENCE = """
router:
  host: 127.0.0.1
  port: 0
  replicas:
    - url: {}
      name: gpu-a
      primary: true
    - url: {}
      weight: 1.0
  health_check:
    path: /health
    interval_seconds: 5
    timeout_seconds: 2
    failure_threshold: 3
    recovery_threshold: 2
"""


@pytest.mark.parametrize(
    ("replicas", "said"),
    [
        ([], "router.replicas"),
        ([{"url": "http://a:1"}, {"url": "http://a:1/"}], "http://a:1 is there twice"),
        ([{"url": "http://a:1/x"}], "router.replicas[0].url"),
        ([{"url": "ftp://a"}], "router.replicas[0].url"),
        (
            [{"url": "http://a", "primary": True}, {"url": "http://b", "primary": True}],
            "several are primary",
        ),
    ],
)
def test_a_wrong_file_is_told_with_the_place(
    replicas: object, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "router.yaml"
    config.write_text(json.dumps({"router": {"replicas": replicas}}))
    assert main(["router-serve", "--config", str(config)]) == 2
    assert said in capsys.readouterr().err
