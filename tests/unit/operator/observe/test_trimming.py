from __future__ import annotations

import json
from typing import Any

from matinee_operator.observe.trimming import trimmed
from tests.unit.operator.observe.test_cache import pod


def test_what_nobody_reads_is_not_kept() -> None:
    kept = trimmed({**pod(managedFields=[1]), "status": {"phase": "Running", "hostIP": "x"}})
    assert "managedFields" not in kept["metadata"]
    assert (kept["spec"], kept["status"]) == ({"nodeName": "n"}, {"phase": "Running"})
    config = {"name": "config", "configMap": {"name": "live-1"}}
    control = {"name": "control", "containerPort": 8001}
    ports = [{"name": "http", "containerPort": 8000}, control]
    spec = {"volumes": [config, {"name": "tmp"}], "containers": [{"image": "x", "ports": ports}]}
    assert trimmed({**pod(), "spec": spec})["spec"] == {
        "volumes": [config],
        "containers": [{"ports": [control]}],
    }
    node = {"kind": "Node", "metadata": {"name": "n"}, "spec": {"podCIDR": "x"}, "status": {}}
    assert trimmed(node) == {
        "kind": "Node",
        "metadata": {"name": "n"},
        "spec": {"leaving": False},
    }


def test_of_a_pod_s_status_stays_what_says_how_it_is() -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-25T12:00:00Z"}
    runtime = {"name": "runtime", "image": "x", "restartCount": 2, "state": {"running": {}}}
    status = {
        "conditions": [{**ready, "lastProbeTime": None}],
        "containerStatuses": [{**runtime, "imageID": "sha256:1", "containerID": "y"}],
    }
    assert trimmed({**pod(), "status": status})["status"] == {
        "conditions": [ready],
        "containerStatuses": [runtime],
    }


def test_kubectl_s_copy_of_an_object_is_not_kept_in_it() -> None:
    copy = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"}
    assert trimmed(pod(annotations=copy))["metadata"]["annotations"] == {"note": "x"}


def test_keys_and_short_texts_of_many_objects_are_kept_once() -> None:
    def read(name: str) -> Any:
        text = json.dumps({"kind": "Service", "metadata": {"name": name}, "spec": {"type": "Some"}})
        return trimmed(json.loads(text))

    first, second = read("a"), read("b")
    assert next(iter(first["spec"])) is next(iter(second["spec"]))
    assert first["spec"]["type"] is second["spec"]["type"]
