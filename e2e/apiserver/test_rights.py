"""The chart's rights on a real API server: what the operator asks for in a story in which it does
all its work is what it may do, no less and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import pytest

from e2e.apiserver.chart_rights import (
    Right,
    Rule,
    chart_rules,
    lease_rules,
    rights_in,
    used_rights,
    without,
)
from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.crds import optional_kinds
from e2e.apiserver.faults.steps import deleted
from e2e.apiserver.fetching import GROWING, bind_claims, growing_class, run_jobs
from e2e.apiserver.program import PATIENCE_S, eventually, replica
from e2e.apiserver.scene import KINDS, NAME, OUTSIDE, SPECS, apply, apply_all, be_ready
from e2e.apiserver.story import Life, life
from e2e.apiserver.strangers import take
from e2e.apiserver.test_weights_story import apply_model
from matinee_operator import labels
from matinee_operator.clients.kube import Kube, connected
from matinee_operator.errors import Refused
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, condition, key_of
from matinee_operator.watch.handlers import OPTIONAL

SWITCHED_OFF = {
    Right("monitoring.coreos.com", "podmonitors", "delete"),
    Right("gateway.networking.k8s.io", "httproutes", "delete"),
}
ROUTE = {"parentRefs": [{"name": "public"}], "hostnames": ["video.example.com"]}
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
async def limited(api_server: ControlPlane, kube: Kube) -> AsyncIterator[Kube]:
    async with connected(Metrics(), str(api_server.limited)) as found:
        yield found


async def grant(kube: Kube, limited: Kube, namespace: str, rules: list[Rule]) -> None:
    """Bind the user `limited` to these rules in the namespace, and wait until they are in force."""
    meta = {"name": "operator", "namespace": namespace}
    place = f"{RBAC}/namespaces/{namespace}"
    await kube.request("POST", f"{place}/roles", {}, {"metadata": meta, "rules": rules})
    binding = {
        "metadata": meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"},
        "subjects": [{"kind": "User", "name": "limited"}],
    }
    await kube.request("POST", f"{place}/rolebindings", {}, binding)
    for _ in range(10_000):  # of requests: each takes milliseconds
        if await _is_in_force(limited, namespace, rules):
            return


async def _is_in_force(limited: Kube, namespace: str, rules: list[Rule]) -> bool:
    review = {"spec": {"namespace": namespace}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    told = await limited.request("POST", path, {}, review)
    return len(told["status"]["resourceRules"]) >= len(rules)


async def whole_story(
    kube: Kube, limited: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    """Everything that the operator ever writes, but for monitors of pods and its Lease."""
    operator = life(limited, session, namespace)
    await apply_all(kube, namespace, drain={"onDelete": True})
    await operator.settle()
    await be_ready(kube, namespace)
    await operator.settle()
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        spoilt = {"metadata": {"annotations": {"matinee.video/applied": "spoilt"}}}
        await kube.merge(Key(kind, namespace, "tiny"), spoilt)
    await apply_all(kube, namespace, drain={"onDelete": True}, sessions={"maxPerPod": 2})
    for _ in range(5):
        await operator.settle()
        await be_ready(kube, namespace)
    await deleted("Pod")(kube, namespace, operator)
    operator = life(limited, session, namespace)  # it tells again what the former one told
    await operator.settle()
    await _change_the_warm_up(kube, namespace)
    await operator.settle()
    await _fetch_weights(kube, operator, namespace)
    await apply(kube, namespace, "Router", OUTSIDE)
    await operator.settle()
    await _strip(kube, namespace)
    await operator.settle()
    await apply(kube, namespace, "Router", SPECS["Router"])
    await operator.settle()


async def _change_the_warm_up(kube: Kube, namespace: str) -> None:
    change = {"spec": {"warmup": {"prompt": "another"}}}
    await kube.merge(Key("VideoModel", namespace, "tiny"), change)


async def _strip(kube: Kube, namespace: str) -> None:
    """Take the label by which it is watched off every child."""
    for kind in (*KINDS, "PersistentVolumeClaim"):
        for child in await kube.list(kind, namespace):
            await kube.merge(key_of(child), {"metadata": {"labels": {labels.MANAGED_BY: None}}})


async def _fetch_weights(kube: Kube, operator: Life, namespace: str) -> None:
    """Into a claim that is made, and then made larger."""
    await growing_class(kube)
    await apply_model(kube, namespace)
    await operator.settle()
    await run_jobs(kube, namespace)
    await operator.settle()
    await bind_claims(kube, namespace)
    claim = {"storageClassName": GROWING, "size": "20Gi"}
    await apply_model(kube, namespace, cache={"claim": claim})
    await operator.settle()


async def test_the_operator_asks_for_what_the_chart_grants_and_for_nothing_else(
    kube: Kube,
    limited: Kube,
    session: aiohttp.ClientSession,
    namespace: str,
    api_server: ControlPlane,
) -> None:
    rules = [*chart_rules(), *lease_rules()]
    await grant(kube, limited, namespace, rules)
    await whole_story(kube, limited, session, namespace)
    async with optional_kinds(kube):
        async with _monitoring(kube, api_server, namespace):
            await _used(api_server, namespace, rights_in(rules) - SWITCHED_OFF)
        await life(limited, session, namespace).settle()  # monitors are switched off
        for kind in OPTIONAL:
            assert await kube.list(kind, namespace) == []
        used = await _used(api_server, namespace, rights_in(rules))
    assert used == rights_in(rules)


@contextlib.asynccontextmanager
async def _monitoring(kube: Kube, server: ControlPlane, namespace: str) -> AsyncIterator[None]:
    """The program, which watches, takes the Lease, has pods monitored and makes routes; but not
    instead of those of somebody else."""
    taken = {
        Key("StreamingService", namespace, NAME): Key("PodMonitor", namespace, NAME),
        Key("Router", namespace, NAME): Key("HTTPRoute", namespace, f"{NAME}-router"),
    }
    await apply(kube, namespace, "Router", {**SPECS["Router"], "httpRoute": ROUTE})
    for child in taken.values():
        await take(kube, child)
    async with replica(server.limited, namespace):
        for owner, child in taken.items():
            theirs = await kube.get(child)
            await eventually(kube, owner, partial(_is_told, child))
            assert await kube.get(child) == theirs
            await kube.delete(child, theirs["metadata"]["uid"])
            await eventually(kube, child, lambda found: "ownerReferences" in found["metadata"])
        await _refuse_its_route(kube, namespace)
        yield


async def _refuse_its_route(kube: Kube, namespace: str) -> None:
    """As a Gateway does it."""
    said = {"type": "Accepted", "status": "False", "message": "no listener takes it"}
    parent = {"parentRef": {"name": "public"}, "conditions": [said]}
    change = {"status": {"parents": [parent]}}
    await kube.merge(Key("HTTPRoute", namespace, f"{NAME}-router"), change)
    await eventually(kube, Key("Router", namespace, NAME), _is_refused)


def _is_refused(router: dict[str, Any]) -> bool:
    told = condition(router.get("status", {}), "Degraded")
    return told.get("reason") == "RouteRefused" and "no listener takes it" in told["message"]


def _is_told(child: Key, owner: dict[str, Any]) -> bool:
    told = condition(owner.get("status", {}), "Degraded")
    return told.get("reason") == "NameTaken" and f"{child.kind} {child.name} " in told["message"]


async def _used(server: ControlPlane, namespace: str, expected: set[Right]) -> set[Right]:
    """As soon as they are as expected, or when patience ends."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            for _ in iter(int, 1):
                if used_rights(server.audit, namespace) == expected:
                    break
                await asyncio.sleep(0.05)
    return used_rights(server.audit, namespace)


@pytest.mark.parametrize(
    "right",
    [Right("", "pods", "list"), Right("policy", "poddisruptionbudgets", "create")],
    ids=" ".join,
)
async def test_with_one_verb_fewer_something_is_refused(
    kube: Kube, limited: Kube, session: aiohttp.ClientSession, namespace: str, right: Right
) -> None:
    """One that is asked for by its name, and one that goes with a patch: `used_rights` adds it."""
    await grant(kube, limited, namespace, without(chart_rules(), right))
    with pytest.raises(Refused, match=f"cannot {right.verb} resource"):
        await whole_story(kube, limited, session, namespace)


async def test_without_the_right_to_write_events_they_are_lost_and_all_else_works(
    kube: Kube, limited: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    await grant(kube, limited, namespace, without(chart_rules(), Right("", "events", "create")))
    await whole_story(kube, limited, session, namespace)
    events = await kube.list("Event", namespace)  # the API server may write some of its own
    assert [one for one in events if one["reportingComponent"] == labels.OPERATOR_APP] == []
