"""Scaling by used slots: pods and statuses on a real API server, slots from real feeds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from e2e.apiserver.faults.steps import applied, later
from e2e.apiserver.scene import LONG_AGO, NAME, READY, set_status
from e2e.apiserver.story import Life, MortalKube
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key
from tests.servers.ports import free_port

SLOTS = 4
RULES = {"maxReplicas": 3, "scaleDownStabilizationSeconds": 300}


@dataclass(slots=True)
class Viewers:
    """The feeds of pods at 127.9.0.1, 127.9.0.2 and so on, as the runtime writes them."""

    port: int = field(default_factory=free_port)
    used: dict[str, int] = field(default_factory=dict)
    _over: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def watch(self, address: str, used: int) -> None:
        async with self._changed:
            self.used[address] = used
            self._changed.notify_all()

    async def close(self) -> None:
        async with self._changed:
            self._over = True
            self._changed.notify_all()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response, address = web.StreamResponse(), request.url.host or ""
        await response.prepare(request)
        while not self._over:
            used = self.used.get(address, 0)
            line = {"used": used, "total": SLOTS, "queued": 0, "draining": False}
            await response.write(json.dumps(line).encode() + b"\n")
            async with self._changed:
                while self.used.get(address, 0) == used and not self._over:
                    await self._changed.wait()
        return response


@asynccontextmanager
async def feeds(pods: int) -> AsyncIterator[Viewers]:
    viewers, app = Viewers(), web.Application()
    app.router.add_get("/v1/slots", viewers.stream)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    for number in range(1, pods + 1):
        await web.TCPSite(runner, f"127.9.0.{number}", viewers.port).start()
    try:
        yield viewers
    finally:
        await viewers.close()
        await runner.cleanup()


@dataclass(slots=True)
class Stage:
    kube: Kube
    namespace: str
    session: aiohttp.ClientSession
    viewers: Viewers
    addresses: dict[str, str] = field(default_factory=dict)

    def operator(self) -> Life:
        kube = MortalKube(self.kube)
        return Life(kube, self.session, self.namespace, self.viewers.port)

    async def be_ready(self) -> None:
        """What a kubelet would do. Each pod has an address of its own."""
        for pod in await self.kube.list("Pod", self.namespace):
            name = pod["metadata"]["name"]
            address = self.addresses.setdefault(name, f"127.9.0.{len(self.addresses) + 1}")
            state = {"running": {"startedAt": LONG_AGO}}
            told = {
                "name": "runtime",
                "image": "x",
                "imageID": "",
                "ready": True,
                "restartCount": 0,
            }
            status = {
                **READY,
                "podIP": address,
                "podIPs": [{"ip": address}],
                "containerStatuses": [{**told, "state": state}],
            }
            await set_status(self.kube, Key("Pod", self.namespace, name), status)

    async def status(self) -> Any:
        found = await self.kube.get(Key("StreamingService", self.namespace, NAME))
        return found["status"]

    async def events(self) -> list[str]:
        found = await self.kube.list("Event", self.namespace)
        return [one["message"] for one in found if one["reason"] == "Scaled"]


@pytest.fixture
async def stage(kube: Kube, namespace: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        viewers = await stack.enter_async_context(feeds(4))
        made = Stage(kube, namespace, session, viewers)
        first = made.operator()
        for kind in ("VideoModel", "StreamingService"):
            more = {"autoscaling": RULES, "sessions": {"maxPerPod": SLOTS}}
            spec = more if kind == "StreamingService" else {}
            await applied(kind, **spec)(kube, namespace, first)
        await first.settle()
        await first.close()
        yield made


async def follow(life: Life, stage: Stage, used: int) -> None:
    """Ready pods, and feeds that have told of all of them."""
    await stage.be_ready()
    await life.settle()
    await life.hears(used)
    await life.settle()


async def watch(life: Life, stage: Stage, used: int) -> int:
    """So many viewers on the first pod. How often the operator wrote because of them."""
    await stage.viewers.watch("127.9.0.1", used)
    await life.hears(used)
    return await life.settle()


async def test_pods_come_at_once_and_go_after_the_demand_was_low_for_long(stage: Stage) -> None:
    life = stage.operator()
    await follow(life, stage, 0)
    assert (await stage.status())["desiredReplicas"] == 1
    await watch(life, stage, SLOTS)
    assert (await stage.status())["desiredReplicas"] == 2
    assert await stage.events() == ["scaled from 1 to 2: 4 of 4 slots used"]
    await follow(life, stage, SLOTS)
    assert (await stage.status())["servableReplicas"] == 2
    spec = (await stage.kube.get(Key("StreamingService", stage.namespace, NAME)))["spec"]
    assert spec["replicas"] == 1
    await watch(life, stage, 1)
    assert (await stage.status())["lowDemand"]["replicas"] == 1
    await life.close()

    other = stage.operator()
    await follow(other, stage, 1)
    await later(200)(stage.kube, stage.namespace, other)
    await other.settle()
    assert (await stage.status())["desiredReplicas"] == 2
    await later(100)(stage.kube, stage.namespace, other)
    await other.settle()
    assert (await stage.status())["desiredReplicas"] == 1
    assert "scaled from 2 to 1: 1 of 8 slots used" in await stage.events()
    states = {pod["name"][-1]: pod["state"] for pod in (await stage.status())["pods"]}
    assert states == {"0": "Serving", "1": "Cordoned"}
    await other.close()
