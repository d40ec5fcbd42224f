"""A model that is fetched: on a real API server with Pod Security `restricted`, with the operator
killed at every write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import pytest

from e2e.apiserver.fetching import BYTES, GROWING, bind_claims, commit_of, growing_class, run_jobs
from e2e.apiserver.killed import Operator, Stage, the_same_end_wherever_it_is_killed
from e2e.apiserver.scene import CPU, READY, apply, be_ready, new_namespace, pods_say, set_status
from e2e.apiserver.story import Life, life
from matinee_operator import labels
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key

SOURCE = {"uri": "hf://org/ltx", "revision": "v1", "tokenSecretRef": {"name": "hub"}}
CLAIM = "ltx-weights"
RUNTIME_PODS = f"{labels.SERVICE}=live"


RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture
async def place(kube: Kube, namespace: str) -> str:
    await growing_class(kube)
    return await new_namespace(kube, f"{namespace}-restricted", **RESTRICTED)


async def apply_model(kube: Kube, namespace: str, **spec: Any) -> None:
    usual = {
        "source": SOURCE,
        "engine": {"family": "ltx"},
        "warmup": {"resources": CPU},
        "cache": {"claim": {"storageClassName": GROWING}},
    }
    await apply(kube, namespace, "VideoModel", usual | spec, "ltx")


async def apply_both(kube: Kube, namespace: str) -> None:
    await apply_model(kube, namespace)
    wanted = {"modelRef": {"name": "ltx"}, "replicas": 1, "resources": CPU}
    await apply(kube, namespace, "StreamingService", wanted, "live")


async def status_of(kube: Kube, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = (await kube.get(Key("VideoModel", namespace, "ltx")))["status"]
    return found


async def reasons(kube: Kube, namespace: str, kind: str, name: str) -> dict[str, str]:
    status = (await kube.get(Key(kind, namespace, name)))["status"]
    return {one["type"]: one["reason"] for one in status["conditions"]}


async def runtime_pods(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    return await kube.list("Pod", namespace, RUNTIME_PODS)


async def jobs(kube: Kube, namespace: str) -> list[str]:
    """Without hashes, which the claim's uid is in."""
    found = [job["metadata"]["name"].split("-") for job in await kube.list("Job", namespace)]
    return sorted(" ".join([parts[1], *parts[3:]]) for parts in found)


async def test_from_a_name_to_pods_that_read_the_claim(
    kube: Kube, session: aiohttp.ClientSession, place: str
) -> None:
    operator = life(kube, session, place)
    await apply_both(kube, place)
    await operator.settle()
    assert await jobs(kube, place) == ["resolve 0"]
    assert await runtime_pods(kube, place) == []
    await run_jobs(kube, place)
    await operator.settle()
    assert await jobs(kube, place) == ["download 0", "resolve 0"]
    (claim,) = await kube.list("PersistentVolumeClaim", place)
    assert claim["spec"]["resources"]["requests"]["storage"] == "2253Mi"
    await bind_claims(kube, place)
    await run_jobs(kube, place)
    await operator.settle()
    (pod,) = await runtime_pods(kube, place)
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    expected = {"claimName": CLAIM, "readOnly": True}
    assert volumes["weights"]["persistentVolumeClaim"] == expected
    status = await status_of(kube, place)
    assert (status["resolvedRevision"], status["size"]) == (commit_of("v1"), "2.1 GB")
    assert await operator.settle() == 0
    assert await life(kube, session, place).settle() == 0


async def test_the_former_weights_serve_while_the_next_are_fetched(
    kube: Kube, session: aiohttp.ClientSession, place: str
) -> None:
    operator = life(kube, session, place)
    await downloaded(kube, operator, place)
    (old,) = await runtime_pods(kube, place)
    await apply_model(kube, place, source=SOURCE | {"revision": "v2"})
    for _ in range(2):
        await operator.settle()
        assert [one["metadata"]["name"] for one in await runtime_pods(kube, place)] == [
            old["metadata"]["name"]
        ]
        assert (await reasons(kube, place, "VideoModel", "ltx"))["Downloaded"] == "Downloading"
        assert (await reasons(kube, place, "StreamingService", "live"))["Ready"] == "AsDesired"
        await bind_claims(kube, place)
        await run_jobs(kube, place)
    (claim,) = await kube.list("PersistentVolumeClaim", place)
    assert claim["spec"]["resources"]["requests"]["storage"] == "4506Mi"
    await operator.settle()
    assert len(await runtime_pods(kube, place)) == 2  # the rollout has begun


async def downloaded(kube: Kube, operator: Life, namespace: str) -> None:
    await apply_both(kube, namespace)
    for _ in range(3):
        await operator.settle()
        await bind_claims(kube, namespace)
        await run_jobs(kube, namespace)
    await be_ready(kube, namespace)
    await operator.settle()


async def test_a_failure_is_told_and_tried_again(
    kube: Kube, session: aiohttp.ClientSession, place: str
) -> None:
    operator = life(kube, session, place)
    await apply_both(kube, place)
    await operator.settle()
    await run_jobs(kube, place, "SourceDenied")
    await operator.settle()
    assert await jobs(kube, place) == ["resolve 0", "resolve 1"]  # it failed long ago
    told = await reasons(kube, place, "VideoModel", "ltx")
    assert (told["Downloaded"], told["Degraded"]) == ("SourceDenied", "SourceDenied")
    service = await reasons(kube, place, "StreamingService", "live")
    assert service["Degraded"] == "SourceDenied"
    assert [one["reason"] for one in await kube.list("Event", place)].count("SourceDenied") == 2
    await run_jobs(kube, place)
    await operator.settle()
    assert (await reasons(kube, place, "VideoModel", "ltx"))["Degraded"] == "NothingWrong"


async def test_jobs_pods_and_even_the_status_may_be_lost(
    kube: Kube, session: aiohttp.ClientSession, place: str
) -> None:
    operator = life(kube, session, place)
    await downloaded(kube, operator, place)
    before = await status_of(kube, place)
    for job in await kube.list("Job", place):
        key = Key("Job", place, job["metadata"]["name"])
        if job["metadata"]["labels"][labels.COMPONENT] != "warmup":
            await kube.delete(key, job["metadata"]["uid"])
            pod = await kube.get(Key("Pod", place, f"{key.name}-pod"))
            await kube.delete(Key("Pod", place, f"{key.name}-pod"), pod["metadata"]["uid"])
    assert await operator.settle() == 0
    await set_status(kube, Key("VideoModel", place, "ltx"), None)
    for _ in range(3):
        await operator.settle()
        assert len(await runtime_pods(kube, place)) == 1
        await run_jobs(kube, place)
    after = await status_of(kube, place)
    assert (after["cache"], after["resolvedRevision"]) == (
        before["cache"],
        before["resolvedRevision"],
    )


async def test_without_a_cache_the_pod_itself_fetches(
    kube: Kube, session: aiohttp.ClientSession, place: str
) -> None:
    operator = life(kube, session, place)
    await apply_both(kube, place)
    await _delete_model(kube, place)
    await apply_model(kube, place, cache={"type": "None"})
    await operator.settle()
    await run_jobs(kube, place)
    await operator.settle()
    (pod,) = await runtime_pods(kube, place)
    assert [one["name"] for one in pod["spec"]["initContainers"]] == ["fetch"]
    assert await kube.list("PersistentVolumeClaim", place) == []


async def _delete_model(kube: Kube, namespace: str) -> None:
    key = Key("VideoModel", namespace, "ltx")
    await kube.delete(key, (await kube.get(key))["metadata"]["uid"])


Step = Callable[[Kube, str], Awaitable[None]]


async def _another_revision(kube: Kube, namespace: str) -> None:
    await apply_model(kube, namespace, source=SOURCE | {"revision": "v2"})


async def _nodes(kube: Kube, namespace: str) -> None:
    await bind_claims(kube, namespace)
    await run_jobs(kube, namespace)
    await pods_say(kube, namespace, READY, RUNTIME_PODS)


async def _denied(kube: Kube, namespace: str) -> None:
    await run_jobs(kube, namespace, "SourceDenied")


STORY: tuple[Step, ...] = (
    *(apply_both, _denied, _nodes, _nodes, _nodes),
    *(_another_revision, _nodes, _nodes, _nodes, _nodes),
)


async def end_state(kube: Kube, namespace: str) -> Any:
    status = await status_of(kube, namespace)
    cache = {name: status["cache"][name] for name in ("folder", "folders", "claimName")}
    (claim,) = await kube.list("PersistentVolumeClaim", namespace)
    return (
        await jobs(kube, namespace),
        len(await runtime_pods(kube, namespace)),
        claim["spec"]["resources"],
        (cache, status["resolvedRevision"]),
        await reasons(kube, namespace, "VideoModel", "ltx"),
        await reasons(kube, namespace, "StreamingService", "live"),
    )


async def test_wherever_the_operator_is_killed_the_end_is_the_same(
    kube: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    async def tell(place: str, operator: Operator) -> Any:
        for step in STORY:
            await step(kube, place)
            await operator.settle()
        return await end_state(kube, place)

    await growing_class(kube)
    stage = Stage(kube, session, namespace, partial(new_namespace, kube, **RESTRICTED))
    end = await the_same_end_wherever_it_is_killed(stage, tell)
    cache, revision = end[3]
    first, second = (one["name"] for one in cache["folders"])
    assert cache == {
        "folder": second,
        "folders": [{"name": name, "bytes": BYTES} for name in (first, second)],
        "claimName": CLAIM,
    }
    assert revision == commit_of("v2")
