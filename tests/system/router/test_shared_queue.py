"""The queue that routers share, at a real server: what comes between a question and its answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from matinee.router import shared_scripts
from matinee.router.others import TURN_S, Others
from matinee.router.queue import Queue
from matinee.router.seating import Seating
from matinee.router.shared_queue import SharedQueue
from matinee.router.table import Address, Backend, Table, Thresholds
from matinee.router.visit import Rejected, Visit, now
from matinee.store.redis_address import Connections
from matinee_api.config.router_config import ReplicaConfig, RouterSettings
from matinee_api.contracts.pod_http import Slots
from tests.servers.redis_server import RedisServer, redis_server
from tools.hostile.wire import TEXT, frame

pytestmark = pytest.mark.redis

OWNER = "address 192.0.2.1"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def clients(redis: RedisServer) -> list[HeldClient]:
    """Of a router each."""
    return [HeldClient(Redis.from_url(redis.url)) for _ in range(2)]


class HeldClient:
    """Its answers may be held back. `answered`: the server has done what it was asked."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self.answered, self.free = asyncio.Event(), asyncio.Event()
        self.free.set()

    def register_script(self, text: str) -> Any:
        script = self.client.register_script(text)

        async def asked(**words: Any) -> Any:
            answer = await script(**words)
            self.answered.set()
            await self.free.wait()
            return answer

        return asked


@asynccontextmanager
async def routers(clients: list[HeldClient], name: str) -> AsyncIterator[list[SharedQueue]]:
    """What two of them have of the queue of this name."""
    queues = [SharedQueue(Connections(cast(Any, client)), name, 9, 60.0) for client in clients]
    try:
        yield queues
    finally:
        for client in clients:
            await client.client.aclose()


async def test_who_leaves_while_its_place_is_told_leaves_no_place_behind(
    clients: list[HeldClient],
) -> None:
    async with routers(clients, "leaving") as (one, other):
        place = Queue(1).join(OWNER)
        one.enter(place, "a token")
        clients[0].answered.clear()
        clients[0].free.clear()
        looking = asyncio.create_task(one.look())
        await clients[0].answered.wait()
        one.leave(place, "left")
        clients[0].free.set()
        await looking
        await one.look()
        await other.look()
        assert other.depth == 0


async def test_a_second_in_which_the_router_was_stuck_is_not_held_against_the_server(
    clients: list[HeldClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_scripts, "ANSWER_S", 0.5)
    async with routers(clients, "stuck") as (one, _):
        await one.look()
        looking = asyncio.create_task(one.look())
        await asyncio.sleep(0)  # it asks
        time.sleep(0.6)  # noqa: ASYNC251 - it is stuck
        await looking
        assert one.reachable


async def test_a_slot_is_left_to_others_for_its_whole_time_each_time(
    clients: list[HeldClient],
) -> None:
    table, backend = one_slot()
    async with routers(clients, "turns") as (one, other):
        await other.join(OWNER, None)
        place, _token = await one.join(OWNER, None) or pytest.fail("it is not reachable")
        await one.look()
        others = Others(table, one)
        assert others.go_first(place, 0.0)
        table.begin(backend, session=0, now=0.0)
        others.have_none_left()
        table.end(backend, session=0)
        assert others.go_first(place, 10 * TURN_S)
        assert not others.go_first(place, 11 * TURN_S)


async def test_two_connections_with_one_token_at_once_are_not_both_queued(
    clients: list[HeldClient],
) -> None:
    """The place is known to another router, which is why both ask for it."""
    table, backend = one_slot()
    table.begin(backend, session=9, now=0.0)
    async with routers(clients, "twice") as (one, other):
        _place, token = await other.join(OWNER, None) or pytest.fail("it is not reachable")
        settings = RouterSettings(replicas=(ReplicaConfig(url="http://a"),))
        seating = Seating(settings, table, shared=one)
        waiting = [asyncio.create_task(seating.turn(visit(number, token))) for number in range(2)]
        (first,), (left,) = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(Rejected) as turned_away:
            await first
        assert turned_away.value.reason == "place_taken"
        left.cancel()
        await asyncio.wait([left])
        assert seating.depth == 0
        table.end(backend, session=9)
        seating.changed()


async def test_who_is_refused_by_a_backend_after_all_is_overtaken_by_nobody(
    clients: list[HeldClient],
) -> None:
    """The order says that it has a slot when its backend does."""
    table, backend = one_slot()
    async with routers(clients, "refused") as (one, other):
        settings = RouterSettings(replicas=(ReplicaConfig(url="http://a"),))
        seating = Seating(settings, table, shared=one)
        table.begin(backend, session=9, now=0.0)
        first = visit(0)
        turn = asyncio.create_task(seating.turn(first))
        while not len(seating.queue):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        later, _token = await other.join(OWNER, None) or pytest.fail("it is not reachable")
        table.end(backend, session=9)
        seating.changed()
        assert await turn is backend
        for queue in (one, other):
            await queue.look()
        assert other.ahead(later) == 1
        seating.took(first)
        for queue in (one, other):
            await queue.look()
        assert other.ahead(later) == 0


def one_slot() -> tuple[Table, Backend]:
    """A healthy backend with it."""
    table = Table(Thresholds())
    table.set_addresses([Address("http://a", "a")])
    (backend,) = table
    table.succeeded(backend, at=0.0, latency_ms=1.0)
    table.told(backend, Slots(ready=True, draining=False, total=1, used=0, queued=0))
    return table, backend


def visit(number: int, token: str = "") -> Visit:
    """Of a viewer that brings this token."""
    init = json.dumps({"type": "session_init_v2", "queue_token": token}).encode()
    early = SimpleNamespace(pieces=[frame(TEXT, init)])
    viewer = SimpleNamespace(key=None, address="192.0.2.1", early=early, tell=lambda _told: None)
    return Visit(number, cast(Any, viewer), now())
