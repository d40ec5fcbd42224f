"""Answers that go wrong, under the program itself: nothing is lost, and the end is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import cycle
from typing import Any, get_args

import pytest

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.faulty import Asked, Fault, Plan, faulty_way
from e2e.apiserver.program import replica
from e2e.apiserver.scene import apply_all, be_ready, children
from matinee_operator.clients.kube import Kube, connected
from matinee_operator.errors import NotFound
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key

PATIENCE_S = 120.0
EVERY = 4
"""One request of so many goes wrong."""
WATCH_LINES = 3
CHILDREN = [
    *("ConfigMap", "ConfigMap", "ConfigMap", "ConfigMap", "Deployment", "Job", "NetworkPolicy"),
    *("NetworkPolicy", "Pod", "PodDisruptionBudget", "PodDisruptionBudget", "Role", "RoleBinding"),
    *("Secret", "Secret", "Service", "Service", "ServiceAccount"),
]


ANSWERED = tuple(fault for fault in get_args(Fault) if fault != "held")
"""Who waits for an answer that never comes waits long: that is told in `test_start.py`."""


def one_of_four() -> Plan:
    """Each fault in turn, and every second watch begins too late."""
    writes: cycle[Fault] = cycle(
        ["conflict", "too many requests", "answer lost", "server error", "not sent"]
    )
    reads: cycle[Fault] = cycle(["too many requests", "server error", "not sent"])

    def plan(asked: Asked) -> Fault | None:
        if asked.watch:
            return "gone" if asked.number % 2 else None
        if asked.number % EVERY or asked.path == "/apis" or asked.path.endswith("/leases"):
            return None
        return next(reads if asked.method == "GET" else writes)

    return plan


async def settled(kube: Kube, namespace: str, holds: Callable[[dict[str, Any]], bool]) -> None:
    """Pods become ready as they come, until the service's status is as wanted."""
    key = Key("StreamingService", namespace, "tiny")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await be_ready(kube, namespace)
            found = await kube.get(key)
            status = found.get("status", {})
            current = status.get("observedGeneration") == found["metadata"]["generation"]
            if current and holds(status):
                return
            await asyncio.sleep(0.1)


def is_ready(status: dict[str, Any]) -> bool:
    return {"Ready": "True"}.items() <= {
        one["type"]: one["status"] for one in status["conditions"]
    }.items()


@pytest.mark.timeout(600)
async def test_the_whole_story_with_every_fourth_answer_wrong(
    kube: Kube, api_server: ControlPlane, namespace: str
) -> None:
    drains = {"drain": {"onDelete": True}}
    async with faulty_way(api_server.kubeconfig, one_of_four(), WATCH_LINES) as way:
        async with replica(way.kubeconfig, namespace) as process:
            await apply_all(kube, namespace, **drains)
            await settled(kube, namespace, is_ready)
            await apply_all(kube, namespace, replicas=3, **drains)
            await settled(kube, namespace, lambda s: is_ready(s) and s["replicas"] == 3)
            await apply_all(kube, namespace, replicas=1, sessions={"maxPerPod": 3}, **drains)
            await settled(kube, namespace, lambda s: is_ready(s) and s["replicas"] == 1)
            await come_to(kube, namespace, CHILDREN)
            service = Key("StreamingService", namespace, "tiny")
            await kube.delete(service, (await kube.get(service))["metadata"]["uid"])
            await gone(kube, service)
            assert await kube.list("Pod", namespace) == []
            assert process.returncode is None
        assert all(way.done[fault] for fault in ANSWERED), way.done
        assert way.watches_cut > 3


async def test_a_list_whose_pages_are_too_old_begins_anew(
    kube: Kube, api_server: ControlPlane, namespace: str
) -> None:
    names = [f"x{number}" for number in range(5)]
    for name in names:
        meta = {"name": name, "namespace": namespace}
        await kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    told: list[Asked] = []

    def second_page_is_gone_once(asked: Asked) -> Fault | None:
        told.append(asked)
        return "gone" if [one.continued for one in told] == [False, True] else None

    async with (
        faulty_way(api_server.kubeconfig, second_page_is_gone_once, WATCH_LINES) as way,
        connected(Metrics(), str(way.kubeconfig)) as through,
    ):
        paged = Kube(through.client, through.metrics, page=2)
        found = await paged.list("ConfigMap", namespace)
    assert [one["metadata"]["name"] for one in found] == names
    assert [one.continued for one in told] == [False, True, False, True, True]


async def come_to(kube: Kube, namespace: str, kinds: list[str]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = sorted(one.partition(" ")[0] for one in await children(kube, namespace))
            if found == kinds:
                return
            await asyncio.sleep(0.1)


async def gone(kube: Kube, key: Key) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await kube.get(key)
            except NotFound:
                return
            await asyncio.sleep(0.1)
