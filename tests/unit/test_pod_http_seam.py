"""The operator's side of a pod's HTTP against the runtime's."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from httpx import ASGITransport, AsyncClient

from matinee.router.gate import Gate
from matinee.router.reception import Reception
from matinee.router.state_feed import state_feed
from matinee.router.table import Address as BackendAddress
from matinee.router.table import Table, Thresholds
from matinee.server.lifecycle import Lifecycle
from matinee_api.config.router_config import ReplicaConfig, RouterSettings
from matinee_api.contracts.pod_http import RouterState
from matinee_operator.actions import Drain, SetDoor
from matinee_operator.clients.pod_feeds import parse_router, parse_slots, request_of
from matinee_operator.objects import Address
from matinee_operator.observe.pods import Slots
from tests.unit.runtime.server.making import app_of, life_of


async def test_the_operator_reads_the_slots_that_a_runtime_streams() -> None:
    life = life_of()
    life.draining = True
    line = await anext(life.slots_feed.lines())
    assert parse_slots(line) == Slots(0, 0, 0, draining=True, routers_only=False)


async def test_the_operator_reads_the_state_that_a_router_streams() -> None:
    settings = RouterSettings(replicas=(ReplicaConfig(url="http://10.0.0.1"),))
    table, gate = Table(Thresholds()), Gate(settings)
    table.set_addresses([BackendAddress("http://10.0.0.1", "live-new-0")])
    for backend in table:
        backend.succeeded(at=0.0, latency_ms=1.0)
    feed = state_feed(table, Reception(settings, table, gate), gate)
    known = ("live-new-0",)
    assert parse_router(await anext(feed.lines())) == RouterState(
        sessions=0, queued=0, open_to_anybody=True, backends=known
    )


def test_the_operator_reads_the_slots_of_a_newer_and_of_an_older_runtime() -> None:
    least = {"used": 1, "total": 4, "queued": 2, "draining": False}
    known = Slots(used=1, total=4, queued=2, draining=False)
    assert parse_slots(json.dumps(least).encode()) == known
    assert parse_slots(json.dumps(least | {"vram": 1}).encode()) == known


@pytest.mark.parametrize("migrate", [True, False])
async def test_a_runtime_takes_the_operator_s_order_to_drain(migrate: bool) -> None:
    life = life_of()
    assert await told(life, Drain("live-new-0", Address("10.0.0.1", 8001), 60.5, migrate)) == 200
    assert life.draining


async def test_a_runtime_takes_the_operator_s_order_about_who_may_come_in() -> None:
    life, place = life_of(), Address("10.0.0.1", 8001)
    for routers_only in (True, False):
        assert await told(life, SetDoor(place, routers_only)) == 200
        assert parse_slots(await anext(life.slots_feed.lines())).routers_only is routers_only


async def told(life: Lifecycle, order: Drain | SetDoor) -> int:
    """The status of the answer."""
    app = cast(Any, app_of(life, "secret"))
    method, path, body = request_of(order)
    headers = {"authorization": "Bearer secret"}
    async with AsyncClient(transport=ASGITransport(app), base_url="http://pod") as client:
        return (await client.request(method, path, json=body, headers=headers)).status_code
