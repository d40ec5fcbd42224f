"""Simulated nodes, for tests of scale: the API server is real, but kwok plays the kubelets.

Their pods are Ready at once and run nothing. They carry a taint, so that a pod must ask for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tools.cluster import binaries, cluster, components, control_plane
from tools.cluster.components import wait_until
from tools.cluster.places import CONTROL_PLANE

TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
LABEL = "matinee.video/simulated"
PREFIX = "simulated-"


def node(number: int) -> dict[str, Any]:
    """The manifest of one simulated node: 110 pods, 8 GPUs."""
    name = f"{PREFIX}{number}"
    room = {"cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": "8"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {TAINT["key"]: TAINT["value"]},
            "labels": {LABEL: "true", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "spec": {"taints": [TAINT]},
        "status": {"capacity": room, "allocatable": room},
    }


def set_nodes(count: int, say: Callable[[str], None] = print) -> None:
    """Let there be so many simulated nodes; 0 stops the simulator. The first ones have it built."""
    cluster.require_running()
    listed = control_plane.kubectl("get", "nodes", "-l", LABEL, "-o", "name").split()
    wanted = {f"node/{PREFIX}{number + 1}" for number in range(count)}
    if surplus := sorted(set(listed) - wanted):
        control_plane.kubectl("delete", *surplus)
    if not count:
        components.remove(CONTROL_PLANE, "kwok")
        return
    items = [node(number + 1) for number in range(count)]
    manifest = {"apiVersion": "v1", "kind": "List", "items": items}
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(manifest))
    binaries.build(say, [binaries.KWOK])
    simulator = control_plane.kwok()
    components.start(simulator)
    wait_until(lambda: _ready() >= count, f"{count} simulated nodes Ready", simulator)


def _ready() -> int:
    return sum(name.startswith(PREFIX) for name in control_plane.ready_nodes())
