"""What every store must do, on a real Redis or Valkey, and what only this one can."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from redis.asyncio import Redis

from matinee.errors import BadInput, LeaseLost, StoreUnavailable
from matinee.store.base import MAX_BLOB_BYTES, Bounds, SessionStore
from matinee.store.pieces import Pieces
from matinee.store.redis_address import Address, Connections
from matinee.store.redis_store import RedisStore
from tests.servers.ports import free_port
from tests.servers.redis_server import RedisServer, redis_program, redis_server
from tests.system.store.test_conformance import *  # noqa: F403
from tests.unit.runtime.store.making import (
    ROOMY,
    Clock,
    bounds,
    contents,
    newest,
    save,
    saved_by,
    segments_of,
)

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture  # type: ignore[no-redef]
async def open_store(
    server: RedisServer, clock: Clock
) -> AsyncIterator[Callable[[Bounds], SessionStore]]:
    connections = Connections.to(Address.parsed(server.url))
    await connections.client.flushall()
    yield lambda within: RedisStore(connections, within, clock, sweep_every=1)
    await connections.close()


@asynccontextmanager
async def opened(url: str, within: Bounds = ROOMY) -> AsyncIterator[RedisStore]:
    """With the server's own clock."""
    store = RedisStore(Connections.to(Address.parsed(url)), within, sweep_every=1)
    try:
        yield store
    finally:
        await store.close()


# Addresses


@pytest.mark.parametrize(
    ("text", "kind", "hosts", "tls"),
    [
        ("redis://h", "", [("h", 6379)], False),
        ("redis://u:p%40@h:7000/3", "", [("h", 7000)], False),
        ("valkeys://:p@[::1]:7000", "", [("::1", 7000)], True),
        ("rediss://h?ssl_ca_certs=/ca.pem", "", [("h", 6379)], True),
        ("redis+sentinel://:p@a,b:1/main/2", "sentinel", [("a", 26379), ("b", 1)], False),
        ("rediss+cluster://a:1,b:2", "cluster", [("a", 1), ("b", 2)], True),
        ("valkey+cluster://a", "cluster", [("a", 6379)], False),
    ],
)
def test_an_address_says_where_the_servers_are(
    text: str, kind: str, hosts: list[tuple[str, int]], tls: bool
) -> None:
    address = Address.parsed(text)
    assert (address.kind, address.hosts()) == (kind, hosts)
    assert ("connection_class" in address.options()) is tls
    Connections.to(address)


@pytest.mark.parametrize(
    "text",
    ["", "h:6379", "http://h", "redis://", "redis://h:x", "redis+ring://h", "redis://h/x?db=y"],
)
def test_what_is_no_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadInput, match="is not the address of a Redis or Valkey server") as refused:
        Address.parsed(text + "?secret" if text else text)
    assert "secret" not in str(refused.value)


async def saves_and_loads(url: str) -> None:
    async with opened(url) as store:
        await saved_by(store, "s1", 1, 2)
        assert await newest(store, "s1") == 2


async def test_a_server_with_tls_and_a_password_is_reached(tmp_path: Path) -> None:
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    files = [
        *(
            "--tls-cert-file",
            str(tmp_path / "cert.pem"),
            "--tls-key-file",
            str(tmp_path / "key.pem"),
        ),
        *("--tls-ca-cert-file", str(tmp_path / "ca.pem"), "--tls-auth-clients", "no"),
    ]
    with redis_server(tmp_path, "--tls-port", str(port), "--requirepass", "p@ss", *files):
        query = f"ssl_ca_certs={tmp_path}/ca.pem"
        await saves_and_loads(f"rediss://:p%40ss@127.0.0.1:{port}?{query}")
        for wrong in (f"rediss://:wrong@127.0.0.1:{port}?{query}", f"rediss://127.0.0.1:{port}"):
            with pytest.raises(StoreUnavailable):
                await saves_and_loads(wrong)


async def test_the_master_is_found_through_a_sentinel(tmp_path: Path) -> None:
    port, watch = free_port(), free_port()
    (tmp_path / "s").mkdir()
    settings = tmp_path / "sentinel.conf"
    settings.write_text(f"port {watch}\nsentinel monitor main 127.0.0.1 {port} 1\n")
    with (
        redis_server(tmp_path, "--port", str(port)),
        redis_program([str(settings), "--sentinel"], "+monitor"),
    ):
        await saves_and_loads(f"redis+sentinel://127.0.0.1:{watch}/main")


async def test_a_cluster_keeps_each_session_on_one_of_its_servers(tmp_path: Path) -> None:
    port = free_port()
    cluster = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with redis_server(tmp_path, "--port", str(port), *cluster):
        node = Redis(port=port)
        await node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in await node.execute_command("CLUSTER", "INFO"):
            pass
        await node.aclose()
        await saves_and_loads(f"redis+cluster://127.0.0.1:{port}")


# Its medium


async def test_a_server_that_is_gone_is_told_in_one_way_and_used_again_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with opened(f"unix://{tmp_path}/redis.sock") as store:
        with redis_server(tmp_path):
            lease = await saved_by(store, "s1", 1)
        for attempt in (
            store.claim("s1", "pod"),
            store.release(lease),
            store.save(lease, 2, b"", {}),
            store.load("s1"),
            store.history("s1"),
            store.forget("s1"),
        ):
            with pytest.raises(StoreUnavailable):
                await attempt
        with redis_server(tmp_path):
            await save(store, lease, 2)
            assert await segments_of(store, "s1") == [2], "it forgot; nobody else has claimed it"


async def test_nothing_is_left_of_a_session_that_nobody_uses(server: RedisServer) -> None:
    async with opened(server.url, bounds(ttl_s=0.5, history_states=2)) as store:
        client = store.connections.client
        await client.flushall()
        await saved_by(store, "s1", 1, 2, 3)
        assert len(await client.keys()) == 4
        assert await client.zcard("matinee:states") == 2
        while await client.keys():
            pass


async def test_a_server_that_is_full_is_told(server: RedisServer) -> None:
    async with opened(server.url) as store:
        client = store.connections.client
        lease = await saved_by(store, "s1", 1)
        await client.config_set("maxmemory", 1)
        try:
            with pytest.raises(StoreUnavailable, match="maxmemory"):
                await save(store, lease, 2)
        finally:
            await client.config_set("maxmemory", 0)
        assert await newest(store, "s1") == 1


async def test_a_save_that_the_server_does_twice_or_late_is_done_once_and_in_order(
    server: RedisServer,
) -> None:
    async with opened(server.url) as store:
        lease = await store.claim("twice", "pod")
        pieces = Pieces.of(b"facts", {"frames": b"x"})
        for order in (5, 5):
            await store._upload("matinee:{twice}:5", pieces)
            await store._put_in_place(lease, 2, "5", pieces.size_bytes, order)
        assert contents(await store.load("twice")) == (b"facts", {"frames": b"x"})
        await store._save(lease, 1, pieces, order=4)
        assert await segments_of(store, "twice") == [2]
        assert len(await store.connections.client.keys("matinee:{twice}*")) == 2
        successor = await store.claim("twice", "pod-b")
        await store._save(successor, 3, pieces, order=1)
        assert await segments_of(store, "twice") == [2, 3]


STRANGE: tuple[dict[Any, Any], ...] = (
    {"names": b"["},
    {"names": b'{"facts": 1, "blobs": []}'},
    {"names": b'{"facts": 1, "blobs": []}', "b0": bytes(MAX_BLOB_BYTES + 1)},
    {"names": bytes(2**20)},
)


async def test_what_others_wrote_under_our_names_counts_as_absent(server: RedisServer) -> None:
    async with opened(server.url) as store:
        client = store.connections.client
        await client.flushall()
        for strange in STRANGE:
            await client.delete("matinee:{s1}")
            await client.hset(
                "matinee:{s1}", mapping={"s1": f"{2 * 10**12} 1 k", "s2": "?", "sx": ""}
            )
            await client.delete("matinee:{s1}:k")
            await client.hset("matinee:{s1}:k", mapping=strange)
            assert await store.load("s1") is None
        await client.zadd("matinee:states", {b"\xff": 2e12, b"s1 k": 2e12})
        await saved_by(store, "s1", 3)
        assert await newest(store, "s1") == 3
        assert await client.zcard("matinee:states") == 1


async def test_what_others_wrote_gives_way_to_what_is_ours(server: RedisServer) -> None:
    """Whatever its kind, its size and its numbers are: no session but that one notices."""
    async with opened(server.url, bounds(max_states=2)) as store:
        client = store.connections.client
        await client.flushall()
        await client.set("matinee:{text}", "no hash")
        await client.hset("matinee:{many}", mapping={f"s{n}": f"1 1 {n}" for n in range(5000)})
        for fence in ("inf", "nan", "1e300", "x"):
            await client.hset(f"matinee:{{{fence}}}", mapping={"fence": fence, "order": fence})
        for session_id in ("text", "many", "inf", "nan", "1e300", "x"):
            assert await store.load(session_id) is None
            await client.set("matinee:states", "no list")
            await saved_by(store, session_id, 1)
            assert await newest(store, session_id) == 1
        await client.zadd("matinee:states", {b"x" * 2**20: 3e12})
        await client.zadd("matinee:states", {f"no state {n}": 2e12 + n for n in range(2000)})
        for segment in (2, 3, 4):
            await saved_by(store, "text", segment)
        assert await client.zcard("matinee:states") <= 2


async def test_a_lease_that_is_lost_to_a_long_name_is_told_in_short(server: RedisServer) -> None:
    async with opened(server.url) as store:
        lease = await saved_by(store, "s1", 1)
        forged: dict[Any, Any] = {"fence": 2**52, "owner": b"\xff" * 2**20}
        await store.connections.client.hset("matinee:{s1}", mapping=forged)
        with pytest.raises(LeaseLost) as lost:
            await save(store, lease, 2)
        assert len(str(lost.value)) < 1000
