"""Edits of a service and of its children, good and bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest

from e2e.operating import condition, patch, pods_of, revision_of, wait_for_pods, wait_until
from e2e.target import Target
from e2e.test_runtime import streamed
from e2e.waiting import Object, objects, wait_for
from tools.cluster import __main__ as command

READY = condition("Ready", "True")
EXAMPLE = "examples/streamingservice.yaml"


def names_of(found: list[Object]) -> set[str]:
    return {pod["metadata"]["name"] for pod in found}


def message_of(found: Object, kind: str) -> str:
    return next(str(one["message"]) for one in found["status"]["conditions"] if one["type"] == kind)


def test_a_new_revision_replaces_the_pods_and_keeps_serving(operator: Target, tiny: str) -> None:
    (old,) = {revision_of(pod) for pod in pods_of(tiny, "tiny")}
    patch(operator, tiny, {"sessions": {"maxPerPod": 2}})

    def rolled_out(found: Object) -> bool:
        assert not condition("Servable", "False")(found), "nobody could take a session"
        return READY(found) and found["status"]["updatedReplicas"] == 2

    wait_until("StreamingService", tiny, "tiny", rolled_out)
    found = wait_for_pods(tiny, "tiny", lambda pods: old not in map(revision_of, pods))
    assert len(found) == 2


def test_a_bad_image_is_told_the_old_pods_serve_and_the_former_file_goes_back(
    operator: Target, tiny: str, tmp_path: Path
) -> None:
    before = names_of(pods_of(tiny, "tiny"))
    bad = {"pod": {"image": "matinee/no-such-image:1"}, "rollout": {"progressDeadlineSeconds": 5}}
    patch(operator, tiny, bad)
    broken = condition("Degraded", "True", "ImagePullFailed")
    found = wait_until("StreamingService", tiny, "tiny", broken)
    assert "matinee/no-such-image:1" in message_of(found, "Degraded")
    assert condition("Servable", "True")(found)
    assert before <= names_of(pods_of(tiny, "tiny"))
    url = f"http://tiny.{tiny}.svc:8000"
    assert len(streamed(operator, tiny, url, tmp_path / "segment.mp4")) == 17
    patch(operator, tiny, {"pod": None, "rollout": None})
    operator.kubectl("apply", "-n", tiny, "-f", EXAMPLE)
    wait_until("StreamingService", tiny, "tiny", READY)
    wait_for_pods(tiny, "tiny", lambda found: names_of(found) == before)


def test_a_revision_that_finds_no_node_is_told_and_the_old_pods_serve(
    operator: Target, lone: str
) -> None:
    patch(
        operator,
        lone,
        {
            "resources": {"cpu": "1000"},
            "rollout": {"progressDeadlineSeconds": 3, "maxSurge": 1, "maxUnavailable": 0},
        },
    )
    found = wait_until(
        "StreamingService", lone, "tiny", condition("Degraded", "True", "Unschedulable")
    )
    assert "Insufficient cpu" in message_of(found, "Degraded")
    assert condition("Servable", "True")(found)


def test_a_paused_rollout_waits_until_it_is_told_to_go_on(operator: Target, lone: str) -> None:
    before = names_of(pods_of(lone, "tiny"))
    patch(operator, lone, {"rollout": {"paused": True}, "sessions": {"maxPerPod": 2}})
    paused = condition("Progressing", "True", "Paused")
    found = wait_until("StreamingService", lone, "tiny", paused)
    assert condition("Servable", "True")(found)
    assert names_of(pods_of(lone, "tiny")) == before
    patch(operator, lone, {"rollout": {"paused": False}})
    wait_until("StreamingService", lone, "tiny", READY)
    wait_for_pods(lone, "tiny", lambda pods: not names_of(pods) & before)


CHILDREN: dict[str, tuple[dict[str, Any], Callable[[Object], bool]]] = {
    "service": (
        {"spec": {"ports": [{"name": "http", "port": 9999, "targetPort": "http"}]}},
        lambda found: [port["port"] for port in found["spec"]["ports"]] == [8000, 8001],
    ),
    "networkpolicy": (
        {"spec": {"ingress": []}},
        lambda found: bool(found["spec"].get("ingress")),
    ),
    "poddisruptionbudget": (
        {"spec": {"maxUnavailable": 1}},
        lambda found: found["spec"].get("maxUnavailable") == 0,
    ),
}


def _lister(kind: str) -> Any:
    return {
        "service": kubernetes.client.CoreV1Api().list_namespaced_service,
        "networkpolicy": kubernetes.client.NetworkingV1Api().list_namespaced_network_policy,
        "poddisruptionbudget": (
            kubernetes.client.PolicyV1Api().list_namespaced_pod_disruption_budget
        ),
    }[kind]


def test_children_that_are_edited_or_deleted_by_hand_are_put_back(
    operator: Target, served: str
) -> None:
    for kind, (edit, as_before) in CHILDREN.items():
        words = ("patch", f"{kind}/tiny", "-n", served, "--type=merge", "-p", json.dumps(edit))
        operator.kubectl(*words)

        def is_put_back(found: list[Object], holds: Callable[[Object], bool] = as_before) -> bool:
            return holds(found[0])

        wait_for(_lister(kind), is_put_back, served, name="tiny")
        (found,) = objects(_lister(kind), served, name="tiny")
        operator.kubectl("delete", f"{kind}/tiny", "-n", served)

        def is_new(found: list[Object], gone: str = found["metadata"]["uid"]) -> bool:
            return bool(found) and found[0]["metadata"]["uid"] != gone

        (again,) = wait_for(_lister(kind), is_new, served, name="tiny")
        assert as_before(again)


@pytest.mark.parametrize("label", ["matinee.video/accepting", "matinee.video/busy"])
def test_labels_that_steer_viewers_are_put_back(operator: Target, served: str, label: str) -> None:
    pod = pods_of(served, "tiny")[0]["metadata"]
    name, as_it_is = pod["name"], label in pod["labels"]
    operator.kubectl(
        "label", "pod", name, "-n", served, "--overwrite", f"{label}{'-' if as_it_is else '=true'}"
    )

    def put_back(found: list[Object]) -> bool:
        (pod,) = (one for one in found if one["metadata"]["name"] == name)
        return (label in pod["metadata"]["labels"]) == as_it_is

    wait_for_pods(served, "tiny", put_back)


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_a_restarted_control_plane_costs_no_pod_and_no_edit(
    operator: Target, served: str, own_cluster: Target, component: str
) -> None:
    before = {pod["metadata"]["uid"] for pod in pods_of(served, "tiny")}
    assert command.main(["component", "restart", component]) == 0
    operator.kubectl("scale", "ssvc/tiny", "-n", served, "--replicas=3")
    wait_until(
        "StreamingService", served, "tiny", lambda s: READY(s) and s["status"]["readyReplicas"] == 3
    )
    after = {pod["metadata"]["uid"] for pod in pods_of(served, "tiny")}
    assert before < after
