"""What the API server refuses the operator."""

from __future__ import annotations

from e2e.apiserver.faults.fault import FALSE, ROUTER, SERVICE, Fault, degraded
from e2e.apiserver.faults.steps import (
    admission_policy,
    applied,
    deleted,
    made,
    namespace_deleted,
)
from e2e.apiserver.scene import CPU
from matinee_api.kinds import conditions

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


BALANCED = {"type": "LoadBalancer"}

REFUSALS: tuple[Fault, ...] = (
    degraded(
        "a LimitRange allows less memory than the pods ask for",
        conditions.POD_REFUSED,
        "maximum memory usage per Container is 1Mi",
        made(LIMITS),
        applied(SERVICE, resources={**CPU, "memory": "2Gi"}),
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
    Fault(
        "a range of the load balancer's sources is none",
        (applied(ROUTER, service={**BALANCED, "loadBalancerSourceRanges": ["192.0.2.0/99"]}),),
        ROUTER,
        conditions.ACCEPTED,
        FALSE,
        conditions.INVALID_SPEC,
        "must be a valid CIDR value",
    ),
    Fault(
        "the load balancer's class changes",
        (
            applied(ROUTER, service={**BALANCED, "loadBalancerClass": "internal"}),
            applied(ROUTER, service={**BALANCED, "loadBalancerClass": "public"}),
        ),
        ROUTER,
        conditions.ACCEPTED,
        FALSE,
        conditions.INVALID_SPEC,
        "may not change once set",
    ),
    degraded(
        "an admission policy, such as the chart's `restrictions`, does not allow the image",
        conditions.POD_REFUSED,
        "denied request: only images of r.example",
        admission_policy(
            "object.spec.containers.all(one, one.image.startsWith('r.example/'))",
            "only images of r.example",
        ),
        applied(SERVICE, replicas=2),
    ),
)
