"""Who may ask what of a server, on its two ports, and by which names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from matinee.serving.line_feed import MAX_READERS
from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.serving import PATIENCE_S, Server, fake_pod, running
from tests.system.end_to_end.viewing import kinds_of, raw, session

TOKEN = "a token of this test"  # noqa: S105
BEARER = {"authorization": f"Bearer {TOKEN}"}
CONTROL = [
    ("GET", "/v1/slots"),
    ("POST", "/v1/drain"),
    ("DELETE", "/v1/drain"),
    ("GET", "/metrics"),
]
PROBES = ["/healthz", "/readyz", "/health", "/status"]


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("control") / "token"
    file.write_text(TOKEN)
    return file


@pytest.fixture(scope="module")
def pod(token_file: Path) -> Iterator[Server]:
    """Configured as the operator does it. Tests leave it as they found it."""
    command = fake_pod(
        host="::",
        control_port=0,
        control_token_file=str(token_file),
        allowed_hosts=("*.demo.svc",),
    )
    with running(command, token_file.parent / "log") as server:
        server.url = f"http://127.0.0.1:{server.port}"
        yield server


def asked(method: str, url: str, **headers: str) -> int:
    """The status; the body of `/v1/slots` never ends."""
    with httpx.stream(method, url, headers=headers, timeout=PATIENCE_S) as answer:
        return answer.status_code


def test_control_is_on_its_own_port_alone_and_for_bearers_of_the_token(pod: Server) -> None:
    control = pod.control_url()
    for method, path in CONTROL:
        assert asked(method, pod.url + path, **BEARER) == 404, path
        assert asked(method, control + path) == 401, path
        assert asked(method, control + path, authorization="Bearer guess") == 401, path
        assert asked(method, control + path, **BEARER) == 200, path  # the drain is called off
    for path in PROBES:
        assert asked("GET", pod.url + path) == 200
        assert asked("GET", control + path) == 200
    assert asked("GET", f"{control}/player") == 404


async def test_once_a_router_stands_before_it_only_bearers_of_the_token_come_in(
    pod: Server,
) -> None:
    door, close, open_again = ordering(pod), '{"routers_only": true}', '{"routers_only": false}'
    assert door(close) == 401
    for wrong in ("", "{}", '{"routers_only": 1}', "[" * 10_000):
        assert door(wrong, **BEARER) == 400, wrong[:20]
    assert asked("GET", f"{pod.url}/v1/models") == 200
    assert door(close, **BEARER) == 200
    wrong_ones: list[dict[str, Any]] = [
        {},
        {"authorization": "Bearer guess"},
        {"authorization": f"Basic {TOKEN}"},
    ]
    for given in wrong_ones:
        assert asked("GET", f"{pod.url}/v1/models", **given) == 401
        with pytest.raises(InvalidStatus) as refused:
            async with raw(pod, **given):
                pass
        assert refused.value.response.status_code == 401
    assert asked("GET", f"{pod.url}/player") == 200
    assert asked("GET", f"{pod.url}/v1/models", **BEARER) == 200
    bearer: dict[str, Any] = BEARER
    async with raw(pod, **bearer) as viewer:
        await viewer.say("session_init_v2")
        await viewer.segment("a ball")
        await viewer.end()
    assert door(open_again, **BEARER) == 200
    async with session(pod) as viewer:
        await viewer.hear("gpu_assigned")


def ordering(pod: Server) -> Callable[..., int]:
    """Who may come in; gives the status."""
    url = f"{pod.control_url()}/v1/door"

    def order(body: str, **headers: str) -> int:
        return httpx.put(url, content=body, headers=headers).status_code

    return order


def test_without_a_token_nobody_could_come_in_so_the_order_is_refused(
    start_fake: StartFake,
) -> None:
    server = start_fake()
    answer = httpx.put(f"{server.url}/v1/door", json={"routers_only": True})
    assert (answer.status_code, "server.control_token_file" in answer.text) == (409, True)


async def test_there_is_no_stream_on_the_control_port(pod: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(pod.control_url().replace("http:", "ws:") + "/v1/stream")
    assert refused.value.response.status_code in (403, 404)


def test_a_server_on_every_address_is_reached_by_both_families(pod: Server) -> None:
    assert asked("GET", f"http://[::1]:{pod.port}/readyz") == 200


def test_a_token_is_rotated_without_a_restart(pod: Server, token_file: Path) -> None:
    control = pod.control_url() + "/metrics"
    token_file.write_text(f"{TOKEN}\nanother\n")
    both = [asked("GET", control, authorization=f"Bearer {one}") for one in (TOKEN, "another")]
    token_file.write_text(TOKEN)
    left = [asked("GET", control, authorization=f"Bearer {one}") for one in (TOKEN, "another")]
    assert (both, left) == ([200, 200], [200, 401])


# Names

UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + (
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
STREAM = "GET /v1/stream HTTP/1.1\r\n" + UPGRADE
HANDSHAKES = {
    "DNS rebinding": ("Host: evil.example\r\nOrigin: http://evil.example\r\n", 421),
    "another site's page": ("Host: tv.demo.svc\r\nOrigin: http://evil.example\r\n", 403),
    "two hosts": ("Host: tv.demo.svc\r\nHost: evil.example\r\n", 400),
    "no host": ("", 400),
    "a page of ours": ("Host: tv.demo.svc:443\r\nOrigin: https://TV.demo.svc\r\n", 101),
    "an address": ("Host: 10.0.0.7:8000\r\n", 101),
}


def answer_to(port: int, request: str) -> int:
    """The status of the answer to what is sent as it is."""

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode() + b"\r\n")
        status = int((await reader.readline()).split()[1])
        writer.close()
        await writer.wait_closed()
        return status

    return asyncio.run(asyncio.wait_for(ask(), PATIENCE_S))


@pytest.mark.parametrize("case", HANDSHAKES)
def test_a_handshake_names_the_server_and_a_page_of_ours(pod: Server, case: str) -> None:
    headers, status = HANDSHAKES[case]
    assert answer_to(pod.port, STREAM + headers) == status


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET {path} HTTP/1.1", "Host: evil.example\r\n", 421),
        ("GET {path} HTTP/1.1", "Host: tv.demo.svc\r\n", 200),
        ("GET {path} HTTP/1.1", "", 400),
        ("GET {path} HTTP/1.0", "", 200),
        ("GET {path} HTTP/1.1", "Host: tv.demo.svc\r\nHost: tv.demo.svc\r\n", 400),
        ("GET {path} HTTP/1.1", "Host: tv.demo.svc\r\nX-Forwarded-Host: evil.example\r\n", 200),
    ],
)
def test_every_request_names_the_server(pod: Server, line: str, headers: str, status: int) -> None:
    control = int(pod.control_url().rpartition(":")[2])
    for port in (pod.port, control):
        for path in ("/healthz", "/nowhere") if status == 421 else ("/healthz",):
            request = f"{line.format(path=path)}\r\n{headers}"
            assert answer_to(port, request) == status, (port, path)


# Slots and drains


async def test_a_flood_of_readers_ends_its_own_and_not_the_operator_s(pod: Server) -> None:
    port = int(pod.control_url().rpartition(":")[2])
    request = (
        f"GET /v1/slots HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    ).encode()

    async def reader(source: str) -> asyncio.StreamReader:
        reads, writes = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        writers.append(writes)
        writes.write(request)
        await reads.readuntil(b'"ts"')
        return reads

    writers: list[asyncio.StreamWriter] = []
    async with asyncio.timeout(PATIENCE_S):
        operator = await reader("127.0.0.2")
        flood = [await reader("127.0.0.3") for _ in range(MAX_READERS + 10)]
        for ended in flood[:11]:
            await ended.readuntil(b"\r\n0\r\n\r\n")
        async with session(pod):
            await operator.readuntil(b'"used": 1')
            await flood[-1].readuntil(b'"used": 1')
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def test_a_drain_is_called_off_and_those_who_were_told_play_on(pod: Server) -> None:
    control = pod.control_url()
    async with httpx.AsyncClient(timeout=PATIENCE_S, headers=BEARER) as http:
        async with session(pod) as viewer:
            await viewer.hear("ltx2_stream_start")
            drained = await http.post(f"{control}/v1/drain", json={"deadline_seconds": 3600})
            assert drained.json() == {"draining": True, "sessions": 1}
            await viewer.hear("draining")
            assert (await http.get(f"{pod.url}/readyz")).status_code == 503
            assert (await http.delete(f"{control}/v1/drain")).json()["draining"] is False
            assert (await http.get(f"{pod.url}/readyz")).status_code == 200
            async with session(pod) as newcomer:
                assert (await newcomer.segment("a ball")).fragments
                await newcomer.end()
            assert (await viewer.segment("a ball")).fragments
            await viewer.end()
        assert "draining" in kinds_of(viewer.items)


async def test_viewers_who_take_all_connections_leave_those_of_the_control_port(
    tmp_path: Path,
) -> None:
    command = fake_pod(control_port=0, limits={"connections": 8})
    with running(command, tmp_path / "log") as server:
        async with AsyncExitStack() as viewers:
            for _ in range(8):
                viewer = await viewers.enter_async_context(session(server))
                await viewer.hear("queue_status")
            control = f"{server.control_url()}/healthz"
            async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
                assert (await http.get(control)).status_code == 200
                with suppress(httpx.TransportError):  # it may be cut off before it has read that
                    assert (await http.get(f"{server.url}/healthz")).status_code == 503


# One port for both


def test_without_a_token_nobody_controls_a_port_that_others_reach(start_fake: StartFake) -> None:
    server = start_fake(host="0.0.0.0")  # noqa: S104
    answer = httpx.get(f"{server.url}/metrics", timeout=PATIENCE_S)
    assert answer.status_code == 403
    assert "server.control_token_file" in json.loads(answer.content)["error"]
    assert asked("GET", f"{server.url}/readyz") == 200
