"""Backends that refuse, die, come back, or are not there; and how long somebody is queued."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from matinee.router.connecting import open_upstream
from matinee.router.upstream import NotReached
from tests.system.end_to_end.serving import Server, fake_server, running
from tests.system.end_to_end.viewing import kinds_of, messages_of, raw, session
from tests.system.router.routing import backends, know_slots, routing
from tests.system.router.stub import stub


async def name_itself(connection: ServerConnection) -> None:
    """Tells its own port, and plays until the viewer leaves."""
    await connection.recv()
    port = connection.local_address[1]
    await connection.send(json.dumps({"type": "here", "port": port}))
    await connection.wait_closed()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_one_that_answers_503_is_skipped_and_the_next_is_tried(tmp_path: Path) -> None:
    with stub(name_itself) as first, stub(name_itself) as second:
        first.refuses = True
        replicas = [{"url": first.url, "primary": True}, {"url": second.url}]
        with routing(tmp_path, replicas) as router:
            async with session(router) as viewer:
                assert (await viewer.hear("here"))["port"] == port_of(second.url)
            assert len(first.requests) == 1
            first.refuses = False
            router.eventually(lambda: backends(router)[first.url]["free"] is None)
            async with session(router) as viewer:
                assert (await viewer.hear("here"))["port"] == port_of(first.url)


async def test_the_same_client_gets_the_same_backend_by_its_hash(tmp_path: Path) -> None:
    with stub(name_itself) as first, stub(name_itself) as second:
        urls = [first.url, second.url]
        with routing(tmp_path, urls, strategy="hash") as router:
            ports = {
                name: [await _port(router, name) for _ in range(2)] for name in map(str, range(8))
            }
    assert all(once == again for once, again in ports.values())
    assert len({once for once, _ in ports.values()}) == 2


async def _port(router: Server, client_id: str) -> int:
    async with session(router, client_id=client_id) as viewer:
        return int((await viewer.hear("here"))["port"])


async def test_without_a_backend_a_viewer_is_refused_and_may_retry(tmp_path: Path) -> None:
    with stub(name_itself) as gone:
        url = gone.url
    queue = {"no_backend_seconds": 0.1}
    with routing(tmp_path, [url], queue=queue) as router:
        router.eventually(
            lambda: router.get("/status").json()["replicas"][0]["status"] == "unhealthy"
        )
        async with session(router) as viewer:
            items = await viewer.rest()
        assert router.get("/readyz").json()["healthy_backends"] == 0
    (error,) = messages_of(items, "error")
    assert (error["code"], error["retryable"]) == ("gpu_unavailable", True)
    assert (viewer.close_code, viewer.close_reason) == (1013, "no_healthy_replica")


async def test_a_killed_server_is_told_and_the_next_session_is_elsewhere(
    pods: list[Server], tmp_path: Path
) -> None:
    with running(fake_server(), tmp_path / "log") as first:
        replicas = [{"url": first.url, "primary": True}, {"url": pods[0].url}]
        with routing(tmp_path, replicas) as router:
            know_slots(router, [first.url, pods[0].url])
            async with session(router) as viewer:
                await viewer.segment("a ball")
                assert backends(router)[first.url]["sessions"] == 1
                first.process.send_signal(signal.SIGKILL)
                items = await viewer.rest()
            assert kinds_of(items)[-2:] == ["error", "ltx2_stream_complete"]
            (error,) = messages_of(items, "error")
            assert (error["code"], error["retryable"]) == ("worker_failed", True)
            assert viewer.close_code == 1011
            async with session(router) as viewer:
                await viewer.segment("a ball")
                assert backends(router)[pods[0].url]["sessions"] == 1
                await viewer.end()
            router.eventually(lambda: backends(router)[first.url]["status"] == "unhealthy")


async def test_who_is_queued_too_long_or_leaves_makes_room(tmp_path: Path) -> None:
    queue = {"max_waiting": 1, "longest_seconds": 1.5}
    with stub(name_itself) as backend, routing(tmp_path, [backend.url], queue=queue) as router:
        backend.refuses = True
        async with session(router) as leaving:
            await leaving.hear("queue_status")
            await (await leaving.socket.ping())  # answered by the router meanwhile
            await leaving.socket.close()
        router.eventually(lambda: router.get("/status").json()["queued"] == 0)
        async with session(router) as late:
            items = await late.rest()
    assert kinds_of(items) == ["queue_status", "error", "ltx2_stream_complete"]
    assert items[1]["code"] == "gpu_unavailable"  # type: ignore[call-overload]
    assert (late.close_code, late.close_reason) == (1013, "queue_timeout")


async def test_a_viewer_that_says_nothing_takes_no_slot_and_is_closed(tmp_path: Path) -> None:
    limits = {"first_message_seconds": 0.3}
    with stub(name_itself) as backend, routing(tmp_path, [backend.url], limits=limits) as router:
        async with raw(router) as viewer:
            items = await viewer.rest()
        assert backend.requests == []
    assert kinds_of(items) == ["session_timeout", "ltx2_stream_complete"]
    assert viewer.close_code == 1000


async def test_what_is_said_in_the_queue_reaches_the_backend(tmp_path: Path) -> None:
    """Even more than one viewer may say for nothing, which is held within the common bound."""
    told: list[int] = []

    async def listen(connection: ServerConnection) -> None:
        async for message in connection:
            told.append(len(message))
            await connection.send(json.dumps({"type": "heard", "bytes": len(message)}))

    with stub(listen) as backend:
        backend.refuses = True
        with routing(tmp_path, [backend.url]) as router:
            async with session(router) as viewer:
                await viewer.hear("queue_status")
                await viewer.ask("x" * 300_000)
                await viewer.ask("short")
                backend.refuses = False
                await viewer.hear("heard")
                assert (await viewer.hear("heard"))["bytes"] > 300_000
                await viewer.hear("heard")
    assert len(told) == 3
    assert await asyncio.to_thread(router.process.poll) is not None


async def test_a_server_is_reached_at_whichever_address_of_its_name_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where `localhost` is `::1` first."""
    with stub(name_itself) as only:
        port = port_of(only.url)
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))
            for host in ("127.0.0.2", "127.0.0.1", "127.0.0.3")
        ]

        async def resolve(*_: Any, **__: Any) -> list[Any]:
            return found

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        upstream = await open_upstream(f"http://tv:{port}", "/v1/stream", {}, 5)
        upstream.leave()
        del found[1]
        with pytest.raises(NotReached, match="Connect call failed"):
            await open_upstream(f"http://tv:{port}", "/v1/stream", {}, 5)
