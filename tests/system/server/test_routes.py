from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from httpx import AsyncClient
from starlette.types import Message

from matinee.server.app import create_app
from matinee.server.lifecycle import Lifecycle
from matinee.serving.access import ControlAccess
from matinee.serving.host_guard import App
from matinee_api.config.runtime_config import (
    GeneratorConfig,
    ServeConfig,
)
from tests.unit.runtime.server.making import app_of, browse, life_of
from tests.unit.runtime.worker import fake_engine


@pytest.fixture
def life() -> Lifecycle:
    """Nothing is started: no worker is ready."""
    return life_of()


@pytest.fixture
async def client(life: Lifecycle) -> AsyncIterator[AsyncClient]:
    async with browse(app_of(life)) as client:
        yield client


async def test_before_a_worker_is_ready_readyz_is_503_and_healthz_is_not(
    client: AsyncClient,
) -> None:
    readyz = await client.get("/readyz")
    assert (readyz.status_code, readyz.json()["status"]) == (503, "warming")
    for path in ("/healthz", "/health", "/status", "/metrics"):
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/fake"])
async def test_before_the_model_is_loaded_it_is_not_told(client: AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"]["code"] == "model_not_ready"


async def test_healthz_is_503_when_all_workers_have_failed(
    client: AsyncClient, life: Lifecycle
) -> None:
    life.failed.set()
    assert (await client.get("/healthz")).status_code == 503


async def test_the_root_leads_to_the_player(client: AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.is_redirect
    player = await client.get("/player")
    assert player.headers["content-type"].startswith("text/html")
    again = await client.get("/player", headers={"if-none-match": player.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get("/player/main.js")).status_code == 200
    assert (await client.get("/player/nothing.js")).status_code == 404
    assert (await client.get("/player/..%2f..%2fapp.py")).status_code == 404


async def test_the_slots_are_told_as_json_lines(client: AsyncClient, life: Lifecycle) -> None:
    life.slots_feed.close()
    answer = await client.get("/v1/slots")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")


# Draining


async def drained(app: App, caller: str = "127.0.0.1", **kwargs: object) -> httpx.Response:
    async with browse(app, caller) as client:
        return await client.post("/v1/drain", **kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"", b'{"deadline_seconds": 5, "on_deadline": "close"}', b"{}"])
async def test_a_caller_on_this_machine_may_drain(life: Lifecycle, body: bytes) -> None:
    answer = await drained(app_of(life), content=body)
    assert answer.json() == {"draining": True, "sessions": 0}
    assert life.draining
    life.drain(1.0)  # a second time changes nothing


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"deadline_seconds": NaN}', b'{"deadline_seconds": -1}', b'{"in": 1}']
)
async def test_a_wrong_order_to_drain_is_explained(life: Lifecycle, body: bytes) -> None:
    answer = await drained(app_of(life), content=body)
    assert answer.status_code == 400
    assert "deadline_seconds" in answer.json()["error"]
    assert not life.draining


CONTROL = [
    ("GET", "/v1/slots"),
    ("POST", "/v1/drain"),
    ("DELETE", "/v1/drain"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(
    ("token", "caller", "headers", "status"),
    [
        (None, "10.0.0.7", {}, 403),
        (None, "127.0.0.1", {"origin": "https://evil.example"}, 403),
        (None, "127.0.0.1", {"sec-fetch-site": "cross-site"}, 403),
        ("secret", "127.0.0.1", {}, 401),
        ("secret", "127.0.0.1", {"authorization": "Bearer guess"}, 401),
    ],
)
async def test_strangers_and_other_sites_pages_may_not_control(
    life: Lifecycle,
    token: str | None,
    caller: str,
    headers: dict[str, str],
    status: int,
) -> None:
    async with browse(app_of(life, token), caller) as client:
        for method, path in CONTROL:
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code == status, path
    assert not life.draining


async def test_a_drain_is_called_off(life: Lifecycle) -> None:
    async with browse(app_of(life)) as client:
        await client.post("/v1/drain")
        for _ in range(2):
            answer = await client.delete("/v1/drain")
            assert answer.json() == {"draining": False, "sessions": 0}
        life.shutting_down = True
        assert (await client.delete("/v1/drain")).status_code == 409


@pytest.mark.parametrize(("is_open", "status"), [(True, 200), (False, 401)])
async def test_metrics_need_no_token_where_that_is_configured(
    life: Lifecycle, is_open: bool, status: int
) -> None:
    access = ControlAccess("secret", open_metrics=is_open)
    async with browse(create_app(life, access), "10.0.0.7") as client:
        assert (await client.get("/metrics")).status_code == status
        assert (await client.get("/v1/slots")).status_code == 401


async def test_the_admin_may_drain_from_anywhere(life: Lifecycle) -> None:
    headers = {"authorization": "Bearer secret"}
    answer = await drained(app_of(life, "secret"), "10.0.0.7", headers=headers)
    assert answer.status_code == 200


# Before the upgrade


async def refusal(life: Lifecycle, origin: str | None = None) -> tuple[int, bytes]:
    """Status and body of the answer to a WebSocket's handshake."""
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        said.append(message)

    headers = [(b"host", b"tv")] + ([(b"origin", origin.encode())] if origin else [])
    scope = {
        "type": "websocket",
        "path": "/v1/stream",
        "query_string": b"",
        "headers": headers,
        "extensions": {"websocket.http.response": {}},
    }
    await app_of(life)(scope, receive, send)
    return said[0]["status"], said[1]["body"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[::1"])
async def test_pages_of_other_sites_are_refused_before_the_upgrade(
    life: Lifecycle, origin: str
) -> None:
    assert await refusal(life, origin) == (403, b'{"error":"this origin may not stream"}')


async def test_a_draining_server_answers_before_the_upgrade(life: Lifecycle) -> None:
    life.draining = True
    assert await refusal(life) == (503, b'{"error":"this server is draining"}')
    assert await refusal(life, "http://tv") == (503, b'{"error":"this server is draining"}')


async def test_a_name_that_is_not_ours_is_refused_before_the_upgrade() -> None:
    """The page is this server's own by its `Origin`: so DNS rebinding makes it look."""
    config = ServeConfig(generator=GeneratorConfig(model_path="fake"))
    stranger = Lifecycle(config, "test", backend=fake_engine.__name__)
    status, body = await refusal(stranger, "http://tv")
    assert status == 421
    assert b"tv is not a name of this server" in body
