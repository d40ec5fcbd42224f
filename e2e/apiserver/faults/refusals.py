"""What the API server refuses the operator."""

from __future__ import annotations

from e2e.apiserver.faults.fault import FALSE, MODEL, ROUTER, SERVICE, TRUE, Fault, degraded
from e2e.apiserver.faults.steps import Step, applied, deleted, made, namespace_deleted
from e2e.apiserver.scene import CPU
from matinee_api.kinds import conditions


def _quota(resource: str) -> Step:
    spec = {"hard": {resource: "0"}}
    meta = {"name": "none"}
    manifest = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": spec}
    return made(manifest, {"hard": {resource: "0"}, "used": {resource: "0"}})


LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "small"},
    "spec": {"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]},
}
PORT = 30999
OTHER = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "other"},
    "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": PORT}]},
}


REFUSALS: tuple[Fault, ...] = (
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
        "a LimitRange allows less memory than the pods ask for",
        conditions.POD_REFUSED,
        "maximum memory usage per Container is 1Mi",
        made(LIMITS),
        applied(SERVICE, resources={**CPU, "memory": "2Gi"}),
    ),
    degraded(
        "a quota counts CPU limits, and the pods have none",
        conditions.POD_REFUSED,
        "must specify limits.cpu for: runtime; set pod.limits",
        _quota("limits.cpu"),
        applied(SERVICE, replicas=2),
    ),
    degraded(
        "the pods ask for more memory than their limit",
        conditions.POD_REFUSED,
        "raise pod.limits, or ask for less in resources",
        applied(SERVICE, resources={**CPU, "memory": "4Gi"}, pod={"limits": {"memory": "1Gi"}}),
    ),
    degraded(
        "a volume is mounted where one of the operator's is",
        conditions.POD_REFUSED,
        "choose another mountPath in pod.volumeMounts",
        applied(
            SERVICE,
            pod={
                "volumes": [{"name": "scratch", "emptyDir": {}}],
                "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
            },
        ),
    ),
    degraded(
        "the PriorityClass does not exist",
        conditions.POD_REFUSED,
        "no PriorityClass with name",
        applied(SERVICE, scheduling={"priorityClassName": "urgent"}),
    ),
    degraded(
        "the RuntimeClass does not exist",
        conditions.POD_REFUSED,
        'RuntimeClass "nvidia" not found',
        applied(SERVICE, scheduling={"runtimeClassName": "nvidia"}),
    ),
    degraded(
        "the namespace is being deleted",
        conditions.POD_REFUSED,
        "is being terminated",
        namespace_deleted,
        deleted("Pod"),
    ),
    Fault(
        "a quota allows no Job",
        (_quota("count/jobs.batch"), applied(MODEL, warmup={"resources": CPU, "prompt": "x"})),
        MODEL,
        conditions.DEGRADED,
        TRUE,
        conditions.POD_REFUSED,
        "exceeded quota",
    ),
    Fault(
        "another Service has the `nodePort`",
        (made(OTHER), applied(ROUTER, service={"type": "NodePort", "nodePort": PORT})),
        ROUTER,
        conditions.ACCEPTED,
        FALSE,
        conditions.INVALID_SPEC,
        "provided port is already allocated",
    ),
    Fault(
        "the `nodePort` is outside of the cluster's range",
        (applied(ROUTER, service={"type": "NodePort", "nodePort": 80}),),
        ROUTER,
        conditions.ACCEPTED,
        FALSE,
        conditions.INVALID_SPEC,
        "The range of valid ports is 30000-32767",
    ),
    Fault(
        "an annotation of the Router's Service has no valid name",
        (applied(ROUTER, service={"annotations": {"not a name": "x"}}),),
        ROUTER,
        conditions.ACCEPTED,
        FALSE,
        conditions.INVALID_SPEC,
        "name part must consist of",
    ),
)
