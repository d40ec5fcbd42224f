from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from e2e import leaks, mending, pods
from e2e.inner_run import inner_run
from e2e.namespaces import wait_for_namespaces_to_go
from e2e.target import Target
from tools.cluster import __main__ as command


@pytest.fixture(autouse=True)
def _nothing_goes_by_itself(cluster: Target) -> None:
    wait_for_namespaces_to_go()


def manifest(version: str, kind: str, **content: Any) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "left.matinee.video"},
    } | content


RBAC, HOOKS = "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1"
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
VOLUME = {
    "capacity": {"storage": "1Mi"},
    "accessModes": ["ReadWriteOnce"],
    "hostPath": {"path": "/nowhere"},
}
DEFINITION = {
    "group": "matinee.video",
    "names": {"kind": "Left", "plural": "left"},
    "scope": "Namespaced",
    "versions": [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object"}},
        }
    ],
}
OBJECTS = [
    manifest(RBAC, "ClusterRole"),
    manifest(RBAC, "ClusterRoleBinding", roleRef=ROLE),
    manifest("v1", "PersistentVolume", spec=VOLUME),
    manifest("storage.k8s.io/v1", "StorageClass", provisioner="nobody"),
    manifest("scheduling.k8s.io/v1", "PriorityClass", value=1),
    manifest("apiextensions.k8s.io/v1", "CustomResourceDefinition", spec=DEFINITION),
    manifest(HOOKS, "ValidatingWebhookConfiguration"),
    manifest(HOOKS, "MutatingWebhookConfiguration"),
]


@pytest.mark.parametrize("left", OBJECTS, ids=lambda left: left["kind"])
def test_an_object_that_belongs_to_no_namespace_is_named(
    own_cluster: Target, left: dict[str, Any]
) -> None:
    before = leaks.snapshot()
    own_cluster.kubectl("create", "-f", "-", stdin=json.dumps(left))
    found = leaks.difference(before, leaks.snapshot())
    mending.remove_new(before)
    assert found == [f"new: {left['kind'].lower()} left.matinee.video"]
    assert leaks.remains(before) == []


def test_a_namespace_is_named(own_cluster: Target) -> None:
    before = leaks.snapshot()
    own_cluster.kubectl("create", "namespace", "left")
    found = leaks.difference(before, leaks.snapshot())
    mending.remove_new(before)
    assert found == ["new: namespace left"]
    assert leaks.remains(before) == []


@pytest.mark.parametrize("namespace", leaks.PLACES)
def test_a_pod_outside_the_test_s_namespace_is_named(own_cluster: Target, namespace: str) -> None:
    before = leaks.snapshot()
    own_cluster.create(namespace, pods.asleep(own_cluster, "left"))
    found = leaks.difference(before, leaks.snapshot())
    mending.remove_new(before)
    assert found == [f"new: pod left in {namespace}"]
    assert leaks.remains(before) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("node add node-3", "new: node node-3"),
        ("node kill node-2", "no longer: kubelet of node-2 runs"),
        ("node cut node-2", "new: the cable of node-2 is cut"),
        ("node slow node-1 100", "new: the network of node-1 is slow"),
        ("node stop-kubelet node-2", "new: kubelet of node-2 is frozen"),
        ("node cordon node-2", "new: node-2 is cordoned"),
        ("node gpus node-1 3", "new: node-1 has 3 nvidia.com/gpu"),
        ("component stop kube-scheduler", "no longer: kube-scheduler of control-plane runs"),
        ("component pause coredns", "new: coredns of control-plane is frozen"),
        ("simulate 2", "new: node simulated-2"),
    ],
)
def test_what_befell_the_cluster_is_named_and_mended(
    own_cluster: Target, words: str, told: str
) -> None:
    before = leaks.snapshot()
    assert command.main(words.split()) == 0
    found = leaks.difference(before, leaks.snapshot())
    mending.mend()
    assert told in found
    assert leaks.remains(before) == []


def test_a_taint_is_named_and_mended(own_cluster: Target) -> None:
    before = leaks.snapshot()
    own_cluster.kubectl("taint", "node", "node-1", "dedicated=video:NoSchedule")
    found = leaks.difference(before, leaks.snapshot())
    mending.mend()
    assert found == ["new: node-1 has the taint dedicated=video:NoSchedule"]
    assert leaks.remains(before) == []


LEAVES_THINGS = """
from tools.cluster import __main__ as command

def test_leaves_a_cordon(cluster):
    cluster.kubectl("cordon", "node-2")

def test_leaves_an_object(cluster):
    cluster.kubectl("create", "namespace", "left")

def test_leaves_a_frozen_api_server(cluster):
    assert command.main(["component", "pause", "kube-apiserver"]) == 0

def test_finds_all_as_it_was(cluster):
    assert "SchedulingDisabled" not in cluster.kubectl("get", "nodes")

def test_leaves_a_namespace_that_goes(cluster, namespace):
    pass
"""


def test_a_test_that_leaves_something_fails_and_the_next_one_is_not_affected(
    own_cluster: Target, tmp_path: Path
) -> None:
    """Objects are found at the end of the run, in which the last test then fails."""
    said = inner_run(tmp_path, LEAVES_THINGS)
    for name, left in (
        ("leaves_a_cordon", "new: node-2 is cordoned"),
        ("leaves_a_frozen_api_server", "new: kube-apiserver of control-plane is frozen"),
        ("leaves_a_namespace_that_goes", "new: namespace left"),
    ):
        section = rf"ERROR at teardown of test_{name} _+\nthis was left:\n{left}\n"
        assert re.search(section, said), said
    assert "5 passed, 3 errors" in said
    assert "left" not in own_cluster.kubectl("get", "namespaces", "-o", "name")
