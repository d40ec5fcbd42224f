"""Create, change, delete, on a real API server, and with the operator killed at every write."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from e2e.apiserver.story import Killed, Life, MortalKube
from matinee_operator import labels
from matinee_operator.clients.kube import Kube
from matinee_operator.errors import NotFound
from matinee_operator.objects import Key

VERSION = "matinee.video/v1alpha1"
KINDS = ("Pod", "ConfigMap", "Service", "PodDisruptionBudget", "NetworkPolicy", "Job", "Secret")
CPU = {"gpu": {"count": 0}}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


async def apply(kube: Kube, namespace: str, kind: str, **spec: Any) -> None:
    meta = {"name": "tiny", "namespace": namespace}
    manifest = {"apiVersion": VERSION, "kind": kind, "metadata": meta, "spec": spec}
    await kube.apply(manifest)


async def apply_all(kube: Kube, namespace: str, **service: Any) -> None:
    source, warmup = {"uri": "builtin:tiny"}, {"resources": CPU}
    engine = {"family": "ltx"}
    await apply(kube, namespace, "VideoModel", source=source, engine=engine, warmup=warmup)
    wanted = {"modelRef": {"name": "tiny"}, "replicas": 2, "resources": CPU} | service
    await apply(kube, namespace, "StreamingService", **wanted)
    await apply(kube, namespace, "Router", services=[{"name": "tiny"}])


async def be_ready(kube: Kube, namespace: str) -> None:
    """What a kubelet would do."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {"status": {"phase": "Running", "conditions": [ready]}}
    for pod in await kube.list("Pod", namespace):
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
        with contextlib.suppress(NotFound):  # the operator may be deleting it
            await kube.request("PATCH", path, {}, status, "application/merge-patch+json")


async def children(kube: Kube, namespace: str) -> list[str]:
    found = [one for kind in KINDS for one in await kube.list(kind, namespace)]
    return [f"{one['kind']} {one['metadata']['name']}" for one in found]


async def conditions(kube: Kube, namespace: str) -> dict[str, str]:
    found = await kube.get(Key("StreamingService", namespace, "tiny"))
    return {one["type"]: one["status"] for one in found["status"]["conditions"]}


def life(kube: Kube, session: aiohttp.ClientSession, namespace: str) -> Life:
    return Life(MortalKube(kube, None, before=False), session, namespace)


async def test_from_nothing_to_ready_and_then_no_more_writes(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    operator = life(kube, session, namespace)
    await apply_all(kube, namespace)
    assert await operator.settle() > 0
    made = await children(kube, namespace)
    assert [name.partition(" ")[0] for name in made] == [
        *("Pod", "Pod", "ConfigMap", "Service", "Service"),
        *("PodDisruptionBudget", "NetworkPolicy", "Job", "Secret"),
    ]
    await be_ready(kube, namespace)
    await operator.settle()
    assert (await conditions(kube, namespace))["Ready"] == "True"
    assert await operator.settle() == 0
    assert await life(kube, session, namespace).settle() == 0


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
    configs = await kube.list("ConfigMap", namespace, "app.kubernetes.io/managed-by=matinee")
    assert len(configs) == 1


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


async def told(
    kube: Kube, session: aiohttp.ClientSession, namespace: str, **death: Any
) -> tuple[int, Any]:
    """The whole story; where the operator dies, another one goes on. How often it wrote, and what
    there was before the end."""
    operator = Life(MortalKube(kube, **death), session, namespace)
    writes, before = 0, None
    for step in (*STORY, _delete):
        if step is _delete:
            before = await end_state(kube, namespace)
        await step(kube, namespace)
        try:
            writes += await operator.settle()
        except Killed:
            operator = life(kube, session, namespace)
            await operator.settle()
    return writes, before


async def end_state(kube: Kube, namespace: str) -> Any:
    status = (await kube.get(Key("StreamingService", namespace, "tiny")))["status"]
    pods = [one for one in await children(kube, namespace) if one.startswith("Pod ")]
    rest = sorted(set(await children(kube, namespace)) - set(pods))
    reasons = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    secrets = [one for one in rest if one.startswith("Secret")]
    return len(pods), len(secrets), sorted(set(rest) - set(secrets)), reasons, status["replicas"]


async def _new_namespace(kube: Kube, name: str) -> str:
    await kube.request("POST", "/api/v1/namespaces", {}, {"metadata": {"name": name}})
    return name


@pytest.mark.timeout(600)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_the_operator_killed_at_every_write_comes_to_the_same_end(
    kube: Kube, session: aiohttp.ClientSession, namespace: str, before: bool
) -> None:
    writes, expected = await told(kube, session, namespace, dies_at=None, before=False)
    left = await children(kube, namespace)
    assert writes > 30
    assert "Pod" not in {one.partition(" ")[0] for one in left}
    for number in range(1, writes + 1):
        place = await _new_namespace(kube, f"{namespace}-{number}-{int(before)}")
        _, found = await told(kube, session, place, dies_at=number, before=before)
        assert found == expected, f"killed at write {number}"
        assert await kube.list("StreamingService", place) == []
        assert without_hashes(await children(kube, place)) == without_hashes(left)


def without_hashes(found: list[str]) -> list[str]:
    """The Secret's name depends on the service's uid."""
    return [re.sub("admin-.*", "admin", one) for one in found]
