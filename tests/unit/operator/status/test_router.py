from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from matinee_api.contracts.pod_http import RouterState
from matinee_api.kinds import conditions
from matinee_api.kinds.router import RouterStatus
from matinee_operator.actions import Apply, Create, Delete
from matinee_operator.desired import desired_router
from matinee_operator.installation import Monitors
from matinee_operator.objects import Address, Key, key_of
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.router_pods import RouterPod
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.plan import plan_router
from matinee_operator.resources.metadata import stamped
from matinee_operator.status import router_status
from tests.unit.operator.making import (
    BUG,
    INSTALLATION,
    METRICS_TOKEN,
    NOW,
    ROUTERS_TOKEN,
    pod,
    router,
    service,
    slots,
    starting,
)


def given(*pods: Any, **facts: Any) -> RouterSnapshot:
    usual: dict[str, Any] = {
        "router": router(),
        "services": {"live": service()},
        "installation": INSTALLATION,
        "tokens": (ROUTERS_TOKEN,),
        "metrics_token": METRICS_TOKEN,
        "router_pods": (router_pod(),),
    }
    return RouterSnapshot(now=NOW, pods=pods, **(usual | facts))


def status_of(snapshot: RouterSnapshot) -> RouterStatus:
    return router_status(snapshot, desired_router(snapshot))


def router_pod(name: str = "front-router-a", **facts: Any) -> RouterPod:
    state = RouterState(sessions=1, queued=1, open_to_anybody=True, backends=("live-new-0",))
    usual: dict[str, Any] = {
        "uid": name,
        "address": Address("10.0.1.1", 8000),
        "ready": True,
        "state": state,
    }
    return RouterPod(name, **(usual | facts))


ROUTE = {"parentRefs": [{"name": "public"}], "hostnames": ["video.example.com"]}
ROUTED = router(httpRoute=ROUTE)
KEYS = router(auth={"keysSecret": {"name": "keys"}})
LOOPS = Trouble(conditions.CRASH_LOOPING, "keys.yaml cannot be read")


DEPLOYMENT = Key("Deployment", "demo", "front-router")
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
REFUSED = {"metadata": {"name": "front-router"}, "status": {"conditions": [QUOTA]}}

ROUTE_KEY = Key("HTTPRoute", "demo", "front-router")


def said(status: str, of: int = 2) -> dict[str, Any]:
    """By a Gateway, of this generation."""
    why = {"reason": "NotAllowedByListeners", "message": "no listener takes it"}
    return {"type": "Accepted", "status": status, "observedGeneration": of, **why}


def route(*conditions: dict[str, Any]) -> dict[str, Any]:
    parents = [{"parentRef": {"name": "public"}, "conditions": list(conditions)}]
    meta = {"name": "front-router", "generation": 2}
    return {"kind": "HTTPRoute", "metadata": meta, "status": {"parents": parents}}


CASES: dict[str, tuple[RouterSnapshot, dict[str, str]]] = {
    "a pod serves": (
        given(pod()),
        {
            "Ready": "True Serving",
            "Accepted": "True OpenToAnybody",
            "ResolvedRefs": "True AsDesired",
            "Degraded": "False NothingWrong",
        },
    ),
    "it has keys": (given(pod(), router=KEYS), {"Accepted": "True AsDesired"}),
    "no pod of the router is ready": (
        given(pod(), router_pods=(router_pod(ready=False, state=None),)),
        {"Ready": "False PodsStarting", "Degraded": "False NothingWrong"},
    ),
    "a pod of the router does not start": (
        given(pod(), router_pods=(router_pod(ready=False, state=None, trouble=LOOPS),)),
        {"Ready": "False CrashLooping", "Degraded": "True CrashLooping"},
    ),
    "one pod of the router of two": (
        given(pod(), router_pods=(router_pod(), router_pod("b", ready=False, trouble=LOOPS))),
        {"Ready": "True CrashLooping", "Degraded": "True CrashLooping"},
    ),
    "the router's pods are refused": (
        given(pod(), router_pods=(), children={DEPLOYMENT: REFUSED}),
        {"Ready": "False PodRefused", "Degraded": "True PodRefused"},
    ),
    "no pod serves": (
        given(starting("live-new-0")),
        {"Ready": "False NoReadyPods", "EndpointsAvailable": "False NoReadyPods"},
    ),
    "no such service": (
        given(services={}),
        {"Ready": "False ServiceNotFound", "ResolvedRefs": "False ServiceNotFound"},
    ),
    "one service of two": (
        given(pod(), router=router("front", "live", "other")),
        {"Ready": "True ServiceNotFound", "Degraded": "True ServiceNotFound"},
    ),
    "a route where the cluster has none": (
        given(pod(), router=ROUTED),
        {"Ready": "True FeatureUnavailable", "Degraded": "True FeatureUnavailable"},
    ),
    "a route": (
        given(
            pod(),
            router=ROUTED,
            installation=dataclasses.replace(INSTALLATION, has_routes=True),
        ),
        {"Ready": "True Serving", "Degraded": "False NothingWrong"},
    ),
    "a route that a Gateway refuses": (
        given(
            pod(),
            router=ROUTED,
            children={ROUTE_KEY: route(said("False"))},
            installation=dataclasses.replace(INSTALLATION, has_routes=True),
        ),
        {"Ready": "True RouteRefused", "Degraded": "True RouteRefused"},
    ),
    "a route that a Gateway refused before it was changed": (
        given(
            pod(),
            router=ROUTED,
            children={ROUTE_KEY: route(said("False", of=1), said("True"))},
            installation=dataclasses.replace(INSTALLATION, has_routes=True),
        ),
        {"Ready": "True Serving", "Degraded": "False NothingWrong"},
    ),
    "a port that is taken": (
        given(pod(), failure=Trouble(conditions.POD_REFUSED, "provided port is already allocated")),
        {"Accepted": "False InvalidSpec", "Ready": "False InvalidSpec"},
    ),
    "a bug in the operator": (
        given(pod(), failure=BUG),
        {"Accepted": "Unknown InternalError", "Degraded": "True InternalError"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_conditions(case: str) -> None:
    snapshot, expected = CASES[case]
    told = {one.type: f"{one.status} {one.reason}" for one in status_of(snapshot).conditions}
    assert {kind: told[kind] for kind in expected} == expected
    assert tuple(told) == conditions.ROUTER_TYPES


@pytest.mark.parametrize(
    ("told", "spec"),
    {
        True: {},
        False: {"replicas": 1},
        "": {"store": {"urlSecret": {"name": "session-store"}}},
    }.items(),
)
def test_where_pods_count_the_sessions_of_a_key_apart_it_is_said(
    told: object, spec: dict[str, Any]
) -> None:
    wanted = router(auth={"keysSecret": {"name": "keys"}}, **spec)
    (accepted,) = (
        one for one in status_of(given(pod(), router=wanted)).conditions if one.type == "Accepted"
    )
    assert ("store.urlSecret" in (accepted.message or "")) is bool(told)


def test_counts_and_address() -> None:
    status = status_of(
        given(pod(slots=slots(2)), pod("live-old-1", drain_deadline=NOW, slots=slots(1)))
    )
    counted = status.model_dump(exclude={"conditions"}, exclude_none=True)
    assert counted == {
        "observedGeneration": 1,
        "url": "ws://front-router.demo.svc/v1/stream",
        "desiredReplicas": 2,
        "replicas": 1,
        "readyReplicas": 1,
        "backends": {"total": 2, "ready": 1, "draining": 1},
        "sessions": 3,
        "queued": 1,
        "openToAnybody": True,
    }


def test_a_router_becomes_a_deployment_with_its_secret_first() -> None:
    snapshot = given(router_pods=())
    actions = plan_router(snapshot, desired_router(snapshot))
    assert isinstance(actions[0], Create)
    assert actions[0].manifest["kind"] == "Secret"
    assert all(isinstance(action, Apply) for action in actions[1:])
    made = [key_of(action.manifest) for action in actions[1:] if isinstance(action, Apply)]
    assert {key.name for key in made} == {"front-router", "front.router"}
    assert [key.kind for key in made] == [
        *("ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Service"),
        *("PodDisruptionBudget", "NetworkPolicy", "Deployment"),
    ]


def test_what_it_need_not_have_goes_when_it_is_not_wanted_any_more() -> None:
    installed = dataclasses.replace(INSTALLATION, monitors=Monitors(), has_routes=True)
    outside = router(httpRoute=ROUTE, ingress={"host": "video.example.com"})
    snapshot = given(installation=installed, router=outside)
    assert status_of(snapshot).host == "video.example.com"
    children = {key_of(one): stamped(one) for one in desired_router(snapshot).children}
    for key, one in children.items():
        one["metadata"]["uid"] = f"uid-of-{key.name}"
    without = given(children=children)
    kinds = ("PodMonitor", "Ingress", "HTTPRoute")
    kept = {key: one for key, one in children.items() if key.kind not in kinds}
    assert len(kept) == len(children) - len(kinds)
    actions = plan_router(without, desired_router(without))
    gone = {action.target for action in actions if isinstance(action, Delete)}
    assert gone == children.keys() - kept.keys()


def test_a_router_whose_children_are_as_they_should_be_costs_nothing() -> None:
    snapshot = given()
    children = {key_of(one): stamped(one) for one in desired_router(snapshot).children}
    snapshot = dataclasses.replace(snapshot, children=children)
    assert plan_router(snapshot, desired_router(snapshot)) == []
