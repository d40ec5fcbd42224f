"""What of an object enters the cache: enough for all who read it (`making.raw` is trimmed, so that
the tests of pods show that), and little.
"""

from __future__ import annotations

import json
from typing import Any

from matinee_operator.observe.trimming import SHARED_CHARACTERS, trimmed

MANAGED = [
    {"manager": "kubelet", "fieldsV1": {"f:status": {f"f:{number}": {}}}} for number in range(50)
]
CONFIG = {"name": "config", "configMap": {"name": "live-1"}}
CONTROL = {"name": "control", "containerPort": 8001}
STAMP = "2026-11-25T12:00:00Z"
LAST_APPLIED = {"kubectl.kubernetes.io/last-applied-configuration": "x" * 4000}


def meta(name: str = "live", **more: Any) -> dict[str, Any]:
    usual = {"name": name, "namespace": "demo", "uid": f"uid-of-{name}", "resourceVersion": "7"}
    return {**usual, "managedFields": MANAGED, "selfLink": "/x", **more}


def stored_pod(name: str = "live-0") -> dict[str, Any]:
    """As a kubelet leaves it, with a sidecar."""
    mounts = [{"name": f"volume-{number}", "mountPath": f"/{number}"} for number in range(20)]
    ports = [{"name": "http", "containerPort": 8000}, CONTROL]
    spec = {
        "nodeName": "n",
        "volumes": [CONFIG, {"name": "tmp", "emptyDir": {}}],
        "containers": [
            {"name": "runtime", "ports": ports, "volumeMounts": mounts, "env": mounts},
            {"name": "sidecar", "volumeMounts": mounts},
        ],
    }
    conditions = [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": STAMP}
        for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    containers = [
        {
            "name": one,
            "state": {"running": {"startedAt": STAMP}},
            "lastState": {},
            "restartCount": 0,
            "image": "registry.example.com/x:1",
            "imageID": "registry.example.com/x@sha256:" + "0" * 64,
            "volumeMounts": mounts,
            "resources": {"limits": {"cpu": "1"}},
        }
        for one in ("runtime", "sidecar")
    ]
    status = {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}
    status |= {"conditions": conditions, "containerStatuses": containers, "hostIP": "10.0.0.9"}
    return {"kind": "Pod", "metadata": meta(name), "spec": spec, "status": status}


def test_of_a_pod_little_is_kept() -> None:
    stored = stored_pod()
    kept = trimmed(stored)
    assert len(json.dumps(kept)) < 1200 < len(json.dumps(stored)) / 5
    assert kept["spec"] == {
        "nodeName": "n",
        "volumes": [CONFIG],
        "containers": [{"ports": [CONTROL]}],
    }
    assert "managedFields" not in kept["metadata"]
    assert trimmed(kept) == kept


def test_of_children_no_status_is_kept_and_of_nothing_a_second_copy() -> None:
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
        stored = {"kind": kind, "metadata": meta(annotations=LAST_APPLIED), "spec": {"a": 1}}
        kept = trimmed({**stored, "status": {"loadBalancer": {}}})
        assert set(kept) == {"kind", "metadata", "spec"}
        assert kept["metadata"]["annotations"] == {}
    own = {"kind": "StreamingService", "metadata": meta(annotations=LAST_APPLIED | {"a": "b"})}
    assert trimmed(own)["metadata"]["annotations"] == {"a": "b"}


def test_of_a_route_what_gateways_say_of_it_is_kept() -> None:
    said = {"type": "Accepted", "status": "False", "reason": "NoMatchingParent", "message": "no"}
    parent = {
        "parentRef": {"name": "public"},
        "controllerName": "example.com/gateway",
        "conditions": [{**said, "observedGeneration": 2, "lastTransitionTime": STAMP}],
    }
    stored = {"kind": "HTTPRoute", "metadata": meta(), "spec": {}, "status": {"parents": [parent]}}
    kept = trimmed(stored)
    conditions = [{**said, "observedGeneration": 2}]
    assert kept["status"] == {
        "parents": [{"parentRef": {"name": "public"}, "conditions": conditions}]
    }
    assert trimmed(kept) == kept


def test_of_a_node_only_whether_it_is_going_away_is_kept() -> None:
    node = {"kind": "Node", "metadata": {"name": "n"}, "spec": {"podCIDR": "x"}, "status": {}}
    assert trimmed(node) == {
        "kind": "Node",
        "metadata": {"name": "n"},
        "spec": {"leaving": False},
    }


def test_what_many_objects_say_is_kept_once() -> None:
    one, other = (trimmed(json.loads(json.dumps(stored_pod(name)))) for name in ("a", "b"))
    for part in ("metadata", "spec", "status"):
        names = list(zip(one[part], other[part], strict=True))
        assert all(ours is theirs for ours, theirs in names)
    assert one["metadata"]["namespace"] is other["metadata"]["namespace"]
    text = "x" * (SHARED_CHARACTERS + 1)
    assert trimmed({"kind": "ConfigMap", "metadata": {}, "data": {"a": text}})["data"]["a"] == text
