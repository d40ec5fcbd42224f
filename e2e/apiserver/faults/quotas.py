"""What a ResourceQuota of the namespace leaves no room for."""

from __future__ import annotations

from e2e.apiserver.faults.fault import FALSE, MODEL, ROUTER, SERVICE, TRUE, Fault, degraded
from e2e.apiserver.faults.steps import Step, applied, made
from e2e.apiserver.scene import CPU
from matinee_api.kinds import conditions


def _quota(resource: str, hard: str = "0") -> Step:
    """With the status that a controller would give it."""
    spec = {"hard": {resource: hard}}
    manifest = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q"},
        "spec": spec,
    }
    return made(manifest, {"hard": {resource: hard}, "used": {resource: "0"}})


def _none_of(what: str, resource: str) -> Fault:
    """Of what the operator makes for a service that comes after the quota."""
    return degraded(
        f"a quota allows no more {what}",
        conditions.POD_REFUSED,
        "exceeded quota",
        _quota(resource),
        applied(SERVICE),
        without=(SERVICE,),
    )


def _no_such_address(kind: str, resource: str) -> Fault:
    return Fault(
        f"a quota allows no more Services of the type {kind}",
        (_quota(resource), applied(ROUTER, service={"type": kind})),
        ROUTER,
        conditions.ACCEPTED,
        FALSE,
        conditions.INVALID_SPEC,
        "exceeded quota",
    )


QUOTAS: tuple[Fault, ...] = (
    degraded(
        "a quota allows no more pods",
        conditions.POD_REFUSED,
        "exceeded quota",
        _quota("pods"),
        applied(SERVICE, replicas=2),
    ),
    degraded(
        "a quota allows no more ConfigMaps",
        conditions.POD_REFUSED,
        "exceeded quota",
        _quota("configmaps"),
        applied(SERVICE, sessions={"maxPerPod": 2}),
    ),
    degraded(
        "a quota counts CPU limits, and the pods have none",
        conditions.POD_REFUSED,
        "must specify limits.cpu for: runtime; set pod.limits",
        _quota("limits.cpu"),
        applied(SERVICE, replicas=2),
    ),
    degraded(
        "a quota allows no GPU",
        conditions.POD_REFUSED,
        "exceeded quota",
        _quota("requests.nvidia.com/gpu"),
        applied(SERVICE, resources={"gpu": {"count": 1}}),
    ),
    _none_of("Services", "services"),
    _none_of("Secrets", "secrets"),
    _none_of("PodDisruptionBudgets", "count/poddisruptionbudgets.policy"),
    _none_of("NetworkPolicies", "count/networkpolicies.networking.k8s.io"),
    Fault(
        "a quota allows no Job",
        (_quota("count/jobs.batch"), applied(MODEL, warmup={"resources": CPU, "prompt": "x"})),
        MODEL,
        conditions.DEGRADED,
        TRUE,
        conditions.POD_REFUSED,
        "exceeded quota",
    ),
    _no_such_address("NodePort", "services.nodeports"),
    _no_such_address("LoadBalancer", "services.loadbalancers"),
)
