"""The chart's rights on a real API server: with them the operator does all its work, with one verb
fewer something is refused.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.fetching import GROWING, bind_claims, growing_class, run_jobs
from e2e.apiserver.story import Life, MortalKube
from e2e.apiserver.test_story import apply_all, be_ready
from e2e.apiserver.test_weights_story import apply_model
from matinee_operator.clients.kube import PATHS, Kube, connected
from matinee_operator.errors import Refused
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key
from tests.charts.test_rights import chart_rules

Rule = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ABSENT = "podmonitors"
"""A kind that this API server does not have."""


def verbs() -> Iterator[tuple[str, str, str]]:
    """Every group, resource and verb that is granted, apart."""
    for rule in chart_rules():
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                if resource != ABSENT:
                    yield rule["apiGroups"][0], resource, verb


def without(group: str, resource: str, verb: str) -> list[Rule]:
    """The chart's rules, one verb fewer."""
    rules = []
    for rule in copy.deepcopy(chart_rules()):
        for name in rule["resources"]:
            kept = [
                one
                for one in rule["verbs"]
                if (rule["apiGroups"], name, one) != ([group], resource, verb)
            ]
            rules.append({"apiGroups": rule["apiGroups"], "resources": [name], "verbs": kept})
    return [rule for rule in rules if rule["verbs"]]


@pytest.fixture
async def limited(api_server: ControlPlane, kube: Kube) -> AsyncIterator[Kube]:
    async with connected(Metrics(), str(api_server.limited)) as found:
        yield found


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as found:
        yield found


async def grant(kube: Kube, limited: Kube, namespace: str, rules: list[Rule]) -> None:
    """Bind the user `limited` to these rules in the namespace, and wait until they are in force."""
    meta = {"name": "operator", "namespace": namespace}
    place = f"{RBAC}/namespaces/{namespace}"
    role = {"metadata": meta, "rules": rules}
    await kube.request("POST", f"{place}/roles", {}, role)
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
    """Everything that the operator ever reads and writes, but for watching."""
    operator = Life(MortalKube(limited, None, before=False), session, namespace)
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
    await _change_the_warm_up(kube, namespace)
    await operator.settle()
    await _fetch_weights(kube, operator, namespace)


async def _change_the_warm_up(kube: Kube, namespace: str) -> None:
    change = {"spec": {"warmup": {"prompt": "another"}}}
    await kube.merge(Key("VideoModel", namespace, "tiny"), change)


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


async def watch(limited: Kube, group: str, resource: str, namespace: str) -> None:
    prefix = next(
        prefix
        for prefix, plural in PATHS.values()
        if plural == resource and prefix.startswith(f"apis/{group}" if group else "api/")
    )
    query = {"watch": "true", "timeoutSeconds": "1", "resourceVersion": "0"}
    path = f"/{prefix}/namespaces/{namespace}/{resource}"
    await limited.request("GET", path, query)


async def test_with_the_chart_s_rights_everything_works(
    kube: Kube, limited: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    await grant(kube, limited, namespace, chart_rules())
    await whole_story(kube, limited, session, namespace)
    for group, resource, verb in verbs():
        if verb == "watch":
            await watch(limited, group, resource, namespace)


@pytest.mark.parametrize("right", list(verbs()), ids=lambda right: " ".join(right))
async def test_with_one_verb_fewer_something_is_refused(
    kube: Kube,
    limited: Kube,
    session: aiohttp.ClientSession,
    namespace: str,
    right: tuple[str, str, str],
) -> None:
    await grant(kube, limited, namespace, without(*right))
    if right[1:] in (("events", "create"), ("events", "patch")):
        await _events_are_lost(kube, limited, session, namespace)
        return
    if right[2] == "watch":
        work = watch(limited, *right[:2], namespace)
    else:
        work = whole_story(kube, limited, session, namespace)
    with pytest.raises(Refused, match=f"cannot {right[2]} resource"):
        await work


async def _events_are_lost(
    kube: Kube, limited: Kube, session: aiohttp.ClientSession, namespace: str
) -> None:
    """A lost event stops nothing, so it is looked for."""
    await whole_story(kube, limited, session, namespace)
    await Life(MortalKube(limited, None, before=False), session, namespace).settle()
    counts = [one["count"] for one in await kube.list("Event", namespace)]
    assert counts == [] or set(counts) == {1}
