from __future__ import annotations

from typing import Any

import pytest

from matinee_operator.observe.nodes import is_leaving


def tainted(key: str, effect: str = "NoSchedule") -> dict[str, Any]:
    return {"spec": {"taints": [{"key": key, "effect": effect}]}}


def ready(status: str, message: str) -> dict[str, Any]:
    told = {"type": "Ready", "status": status, "message": message}
    return {"spec": {}, "status": {"conditions": [told]}}


NODES: dict[str, tuple[dict[str, Any], bool]] = {
    "a new one": ({"spec": {}}, False),
    "it is cordoned": ({"spec": {"unschedulable": True}}, True),
    "Karpenter disrupts it": (tainted("karpenter.sh/disrupted"), True),
    "an older Karpenter does": (tainted("karpenter.sh/disruption"), True),
    "cluster-autoscaler deletes it": (tainted("ToBeDeletedByClusterAutoscaler"), True),
    "it is only a candidate": (
        tainted("DeletionCandidateOfClusterAutoscaler", "PreferNoSchedule"),
        False,
    ),
    "its cloud takes it back": (tainted("cloud.google.com/impending-node-termination"), True),
    "its spot instance ends": (tainted("aws-node-termination-handler/spot-itn"), True),
    "its machine is off": (tainted("node.cloudprovider.kubernetes.io/shutdown"), True),
    "it is declared dead": (tainted("node.kubernetes.io/out-of-service", "NoExecute"), True),
    "it has GPUs": (tainted("nvidia.com/gpu"), False),
    "it is short of memory for a while": (tainted("node.kubernetes.io/memory-pressure"), False),
    "it does not answer for a while": (
        tainted("node.kubernetes.io/unreachable", "NoExecute"),
        False,
    ),
    "it works": (ready("True", "kubelet is posting ready status"), False),
    "it shuts down": (ready("False", "node is shutting down"), True),
    "it is not ready": (ready("False", "container runtime network not ready"), False),
}


@pytest.mark.parametrize("case", NODES)
def test_whether_a_node_is_going_away(case: str) -> None:
    node, expected = NODES[case]
    assert is_leaving({"kind": "Node", "metadata": {"name": "n"}, **node}) is expected
