"""Whether a node is going away: its pods are replaced elsewhere while it still runs them. Pure."""

from __future__ import annotations

from matinee_operator.objects import Object, condition

GOING_TAINTS = frozenset(
    {
        *("karpenter.sh/disrupted", "karpenter.sh/disruption"),
        "ToBeDeletedByClusterAutoscaler",
        "cloud.google.com/impending-node-termination",
        "node.cloudprovider.kubernetes.io/shutdown",
        "node.kubernetes.io/out-of-service",
    }
)
"""What autoscalers and clouds put on a node before they take it away. Others come and go with its
load, or keep it for some pods."""
GOING_PREFIX = "aws-node-termination-handler/"
EFFECTS = ("NoSchedule", "NoExecute")
SHUTTING_DOWN = "node is shutting down"
"""What a kubelet says of itself while it ends its pods (graceful node shutdown)."""


def is_leaving(raw: Object) -> bool:
    """It is cordoned, has such a taint, or shuts down."""
    spec = raw.get("spec", {})
    taints = spec.get("taints") or []
    ready = condition(raw.get("status", {}), "Ready")
    return (
        bool(spec.get("unschedulable"))
        or any(taint.get("effect") in EFFECTS and _is_going(taint["key"]) for taint in taints)
        or (ready.get("status") != "True" and SHUTTING_DOWN in str(ready.get("message", "")))
    )


def _is_going(key: str) -> bool:
    return key in GOING_TAINTS or key.startswith(GOING_PREFIX)
