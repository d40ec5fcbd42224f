"""Nodes that go away while pods on them serve: what autoscalers and kubelets write on a Node."""

from __future__ import annotations

from typing import Any

from e2e.apiserver.faults.fault import SERVICE, TRUE, Fault
from e2e.apiserver.faults.steps import Step, later, pods_say
from e2e.apiserver.scene import LONG_AGO, READY
from e2e.apiserver.story import Life
from matinee_api.kinds import conditions
from matinee_operator.clients.kube import MERGE, Kube

NODES = "/api/v1/nodes"


async def _bound(kube: Kube, namespace: str, life: Life) -> None:
    """The scheduler puts the pods on a node, which has the namespace's name."""
    await kube.request("POST", NODES, {}, {"metadata": {"name": namespace}})
    for pod in await kube.list("Pod", namespace):
        meta = {"name": pod["metadata"]["name"], "namespace": namespace}
        place = f"/api/v1/namespaces/{namespace}/pods/{meta['name']}/binding"
        target = {"kind": "Node", "name": namespace}
        await kube.request("POST", place, {}, {"metadata": meta, "target": target})
    life.sees_nodes = True


def _node_says(part: str = "", **said: Any) -> Step:
    """`part`: a subresource."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        await kube.request("PATCH", f"{NODES}/{namespace}{part}", {}, said, MERGE)

    return step


def _taint(key: str, effect: str = "NoSchedule") -> Step:
    return _node_says(spec={"taints": [{"key": key, "effect": effect}]})


def _replaced(what: str, step: Step) -> Fault:
    return Fault(
        what,
        (_bound, pods_say(**READY), later(10), step),
        SERVICE,
        conditions.PROGRESSING,
        TRUE,
        conditions.ROLLING_OUT,
        "1 pod to be replaced",
    )


NOT_READY = {
    "type": "Ready",
    "status": "False",
    "reason": "KubeletNotReady",
    "message": "node is shutting down",
    "lastTransitionTime": LONG_AGO,
}
NODES_THAT_GO: tuple[Fault, ...] = (
    _replaced("a node is cordoned", _node_says(spec={"unschedulable": True})),
    _replaced("Karpenter disrupts a node", _taint("karpenter.sh/disrupted")),
    _replaced("cluster-autoscaler deletes a node", _taint("ToBeDeletedByClusterAutoscaler")),
    _replaced("a spot instance ends", _taint("aws-node-termination-handler/spot-itn")),
    _replaced("a machine is off", _taint("node.kubernetes.io/out-of-service", "NoExecute")),
    _replaced(
        "a node shuts down gracefully", _node_says("/status", status={"conditions": [NOT_READY]})
    ),
    Fault(
        "a node is short of memory for a while: its pods stay",
        (_bound, pods_say(**READY), later(10), _taint("node.kubernetes.io/memory-pressure")),
        SERVICE,
        conditions.READY,
        TRUE,
        conditions.AS_DESIRED,
    ),
)
