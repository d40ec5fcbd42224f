"""Create, change, delete, on a real API server, and with the operator killed at every write."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Any

import aiohttp

from e2e.apiserver.control_plane import IPV4, IPV6
from e2e.apiserver.faults.steps import job_says
from e2e.apiserver.killed import Operator, Stage, the_same_end_wherever_it_is_killed
from e2e.apiserver.scene import (
    KINDS,
    LONG_AGO,
    NAME,
    OF_ROUTERS,
    SPECS,
    apply,
    apply_all,
    be_ready,
    children,
    conditions,
    new_namespace,
    send_viewers,
)
from e2e.apiserver.story import life
from matinee_operator import labels
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key, moment


async def test_from_nothing_to_ready_and_then_no_more_writes(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator = life(kube, session, namespace)
    await apply_all(kube, namespace)
    assert await operator.settle() > 0
    made = await children(kube, namespace)
    assert [name.partition(" ")[0] for name in made] == [
        *("Pod", "Pod", "ConfigMap", "ConfigMap", "ConfigMap", "Service", "Service"),
        *("PodDisruptionBudget", "PodDisruptionBudget", "NetworkPolicy", "NetworkPolicy"),
        *("Job", "Secret", "Secret"),
        *OF_ROUTERS,
    ]
    await be_ready(kube, namespace)
    await operator.settle()
    assert (await conditions(kube, namespace))["Ready"] == "True"
    assert await operator.settle() == 0
    assert await life(kube, session, namespace).settle() == 0


async def test_a_service_is_ready_as_soon_as_viewers_are_sent_to_its_pods(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator = life(kube, session, namespace)
    for kind in ("VideoModel", "StreamingService"):
        await apply(kube, namespace, kind, SPECS[kind])
    await operator.settle()
    operator.ahead = moment(LONG_AGO) - datetime.now(UTC) - timedelta(hours=1)
    await be_ready(kube, namespace)  # an hour later than it is for the operator
    await operator.settle()
    assert (await conditions(kube, namespace))["Ready"] == "False"
    await send_viewers(kube, namespace)
    await operator.settle()
    assert (await conditions(kube, namespace))["Ready"] == "True"


async def test_services_have_addresses_of_both_families_where_the_cluster_has_both(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    """Nodes with both there are none here: what kube-proxy and pods do with them is not shown."""
    await apply_all(kube, namespace)
    ranges = ["2001:db8::/32", "192.0.2.0/24"]
    exposed = {"type": "LoadBalancer", "loadBalancerSourceRanges": ranges}
    await apply(kube, namespace, "Router", {**SPECS["Router"], "service": exposed})
    operator = life(kube, session, namespace)
    await operator.settle()
    names = (NAME, f"{NAME}-router")
    own, front = [(await kube.get(Key("Service", namespace, name)))["spec"] for name in names]
    assert own["ipFamilies"] == front["ipFamilies"] == ["IPv4", "IPv6"]
    assert own["clusterIPs"] == ["None"]
    nets = [ip_network(IPV4), ip_network(IPV6)]
    addresses = map(ip_address, front["clusterIPs"])
    assert [one in net for one, net in zip(addresses, nets, strict=True)] == [True, True]
    assert front["loadBalancerSourceRanges"] == ranges
    assert await operator.settle() == 0


async def test_a_warm_up_that_failed_is_retried_after_a_minute_and_then_after_two(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator, told = life(kube, session, namespace), []
    await apply(kube, namespace, "VideoModel", SPECS["VideoModel"])
    for seconds in (0, 30, 40, 30, 60):
        operator.ahead += timedelta(seconds=seconds)
        await operator.settle()
        jobs = [job["metadata"]["name"] for job in await kube.list("Job", namespace)]
        told.append([name.rpartition("-warmup-")[2][8:] for name in jobs])
        await job_says("Failed", "BackoffLimitExceeded", "x")(kube, namespace, operator)
    assert told == [[""], [""], ["", "-1"], ["-1"], ["-1", "-2"]]


async def test_everything_is_owned_so_that_it_goes_with_its_owner(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    await apply_all(kube, namespace)
    await life(kube, session, namespace).settle()
    for kind in KINDS:
        for child in await kube.list(kind, namespace):
            (owner,) = child["metadata"]["ownerReferences"]
            found = await kube.get(Key(owner["kind"], namespace, owner["name"]))
            assert found["metadata"]["uid"] == owner["uid"]


async def test_a_new_revision_replaces_the_pods_one_by_one(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator = life(kube, session, namespace)
    await apply_all(kube, namespace)
    await operator.settle()
    await be_ready(kube, namespace)
    await operator.settle()
    old = {pod["metadata"]["name"] for pod in await kube.list("Pod", namespace)}
    await apply_all(kube, namespace, sessions={"maxPerPod": 3})
    seen = []
    for _ in range(6):
        await operator.settle()
        await be_ready(kube, namespace)
        pods = await kube.list("Pod", namespace)
        seen.append(len(pods))
    now = {pod["metadata"]["name"] for pod in pods}
    assert not old & now
    assert len(now) == 2
    assert max(seen) == 3
    configs = await kube.list("ConfigMap", namespace, f"{labels.SERVICE}=tiny")
    assert len(configs) == 3  # what the pods read, what they are made of, and the former revision


async def test_deleting_waits_when_asked_to_and_lets_go(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator, service = life(kube, session, namespace), Key("StreamingService", namespace, "tiny")
    await apply_all(kube, namespace, drain={"onDelete": True})
    await operator.settle()
    stored = await kube.get(service)
    assert stored["metadata"]["finalizers"] == [labels.FINALIZER]
    await kube.delete(service, stored["metadata"]["uid"])
    await operator.settle()
    assert await kube.list("Pod", namespace) == []
    assert await kube.list("StreamingService", namespace) == []


Step = Callable[[Kube, str], Awaitable[None]]
DRAINS: dict[str, Any] = {"drain": {"onDelete": True}}


async def _create(kube: Kube, namespace: str) -> None:
    await apply_all(kube, namespace, **DRAINS)


async def _scale_down(kube: Kube, namespace: str) -> None:
    await apply_all(kube, namespace, replicas=1, **DRAINS)


async def _change(kube: Kube, namespace: str) -> None:
    await apply_all(kube, namespace, replicas=1, sessions={"maxPerPod": 3}, **DRAINS)


async def _delete(kube: Kube, namespace: str) -> None:
    service = Key("StreamingService", namespace, "tiny")
    await kube.delete(service, (await kube.get(service))["metadata"]["uid"])


STORY: tuple[Step, ...] = (_create, be_ready, _scale_down, be_ready, _change, be_ready, be_ready)


async def end_state(kube: Kube, namespace: str) -> Any:
    status = (await kube.get(Key("StreamingService", namespace, "tiny")))["status"]
    found = Counter(without_hashes(one) for one in await children(kube, namespace))
    reasons = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    return found, reasons, status["replicas"]


def without_hashes(child: str) -> str:
    """Pods and ConfigMaps are named after what they hold, the names of the service in its namespace
    among it; Secrets after the uid of the service or the Router."""
    hashed = "Pod tiny|ConfigMap tiny|Secret tiny-admin|Secret tiny-router-admin"
    return re.sub(f"^({hashed})-.*", r"\1", child)


async def test_wherever_the_operator_is_killed_the_end_is_the_same(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    async def tell(place: str, operator: Operator) -> Any:
        for step in STORY:
            await step(kube, place)
            await operator.settle()
        before = await end_state(kube, place)
        await _delete(kube, place)
        await operator.settle()
        services = await kube.list("StreamingService", place)
        return before, services, [without_hashes(one) for one in await children(kube, place)]

    stage = Stage(kube, session, namespace, partial(new_namespace, kube))
    before, services, left = await the_same_end_wherever_it_is_killed(stage, tell)
    assert before[0]["Pod tiny"] == 1
    assert services == []
    assert "Pod tiny" not in left
