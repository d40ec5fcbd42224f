"""Pod life cycle under live sessions: nobody is dropped who need not be."""

from __future__ import annotations

import subprocess

import kubernetes.client
import pytest

from e2e.operating import (
    condition,
    patch,
    pods_of,
    revision_of,
    wait_for_pods,
    wait_until,
)
from e2e.target import Target
from e2e.viewing import CLOSED, Viewer, viewers
from e2e.waiting import PATIENCE_S, Object, is_ready

READY = condition("Ready", "True")
SERVICE_RESTART = 1012
TIMEOUT = f"--timeout={PATIENCE_S:.0f}s"
BUSY = "matinee.video/busy"


def url_of(namespace: str) -> str:
    return f"http://tiny.{namespace}.svc:8000"


def sessions_by_pod(found: Object) -> dict[str, int]:
    """Of the pods that somebody watches, from the service's status."""
    pods = (found.get("status") or {}).get("pods") or ()
    return {pod["name"]: pod["sessions"] for pod in pods if pod["sessions"]}


def wait_for_sessions(namespace: str, count: int) -> Object:
    return wait_until(
        "StreamingService", namespace, "tiny", lambda s: sum(sessions_by_pod(s).values()) == count
    )


def wait_for_counts(namespace: str, **counts: int) -> Object:
    """Until the service's status says so."""
    return wait_until(
        "StreamingService",
        namespace,
        "tiny",
        lambda found: all(found["status"].get(name) == count for name, count in counts.items()),
    )


def wait_for_states(namespace: str, *states: str) -> Object:
    """Until the service's pods are in these states, in any order."""

    def holds(found: Object) -> bool:
        pods = found["status"].get("pods") or ()
        return sorted(pod["state"] for pod in pods) == sorted(states)

    return wait_until("StreamingService", namespace, "tiny", holds)


def revisions_with_sessions(found: Object) -> dict[str, int]:
    counted: dict[str, int] = {}
    for pod in found["status"]["pods"]:
        counted[pod["revision"]] = counted.get(pod["revision"], 0) + pod["sessions"]
    return {revision: count for revision, count in counted.items() if count}


def test_a_rollout_and_a_second_one_in_its_middle_drop_nobody(operator: Target, tiny: str) -> None:
    (first,) = {revision_of(pod) for pod in pods_of(tiny, "tiny")}
    with viewers(operator, tiny, url_of(tiny), 4) as old:
        wait_for_sessions(tiny, 4)
        patch(operator, tiny, {"sessions": {"maxPerPod": 3}})
        wait_for_pods(tiny, "tiny", lambda found: any(revision_of(p) != first for p in found))
        found = wait_until(
            "StreamingService", tiny, "tiny", lambda s: s["status"]["drainingReplicas"] > 0
        )
        second = found["status"]["updateRevision"]
        with viewers(operator, tiny, url_of(tiny), 1) as new:
            found = wait_for_sessions(tiny, 5)
            assert revisions_with_sessions(found) == {first: 4, second: 1}
            patch(operator, tiny, {"sessions": {"maxPerPod": 2}})
            everybody_plays(*old, *new)
            everybody_leaves(*old)
            wait_until(
                "StreamingService",
                tiny,
                "tiny",
                # Whoever watches the second revision may hold the one place that a rollout adds.
                lambda s: (
                    s["status"]["updatedReplicas"] >= 1 and s["status"]["servableReplicas"] >= 2
                ),
            )
            found = wait_for_sessions(tiny, 1)
            assert revisions_with_sessions(found) == {second: 1}
            everybody_plays(*new)
            everybody_leaves(*new)
    done = wait_until("StreamingService", tiny, "tiny", READY)
    third = done["status"]["currentRevision"]
    assert len({first, second, third}) == 3
    wait_for_pods(tiny, "tiny", lambda found: {revision_of(pod) for pod in found} == {third})


def everybody_plays(*watching: Viewer) -> None:
    for viewer in watching:
        viewer.play()


def everybody_leaves(*watching: Viewer) -> None:
    for viewer in watching:
        assert viewer.leave()["code"] == 1000


def test_scaling_down_takes_the_pod_with_the_fewest_sessions_and_waits(
    operator: Target, served: str
) -> None:
    with viewers(operator, served, url_of(served), 3) as watching:
        found = wait_for_sessions(served, 3)
        by_pod = sessions_by_pod(found)
        everyone = {pod["metadata"]["name"] for pod in pods_of(served, "tiny")}
        going = min(everyone, key=lambda name: by_pod.get(name, 0))
        operator.kubectl("scale", "ssvc/tiny", "-n", served, "--replicas=1")
        if by_pod.get(going):
            found = wait_for_states(served, "Serving", "Draining")
            (draining,) = (p["name"] for p in found["status"]["pods"] if p["state"] == "Draining")
            assert draining == going
        everybody_plays(*watching)
        everybody_leaves(*watching)
    (left,) = wait_for_pods(served, "tiny", lambda found: len(found) == 1)
    assert left["metadata"]["name"] in everyone - {going}


def test_at_the_drain_deadline_viewers_are_told_and_the_pod_goes(
    operator: Target, lone: str
) -> None:
    patch(operator, lone, {"drain": {"timeoutSeconds": 20}})
    wait_until("StreamingService", lone, "tiny", READY)
    with viewers(operator, lone, url_of(lone), 1) as (viewer,):
        wait_for_sessions(lone, 1)
        patch(operator, lone, {"replicas": 0})
        assert 0 < viewer.hear("draining")["deadline_seconds"] <= 20
        viewer.play()
        state = viewer.hear("continuation_state_snapshot")["state"]
        assert state["payload"]["segment_index"] == 2
        assert viewer.hear("ltx2_stream_complete")["reason"] == "drained"
        assert viewer.hear(CLOSED)["code"] == SERVICE_RESTART
    wait_for_pods(lone, "tiny", lambda found: not found)


def test_deleting_a_service_that_drains_waits_for_its_viewers(operator: Target, tiny: str) -> None:
    patch(operator, tiny, {"drain": {"onDelete": True}})
    wait_until("StreamingService", tiny, "tiny", lambda s: bool(s["metadata"].get("finalizers")))
    with viewers(operator, tiny, url_of(tiny), 1) as (viewer,):
        wait_for_sessions(tiny, 1)
        operator.kubectl("delete", "ssvc/tiny", "-n", tiny, "--wait=false")
        viewer.hear("draining")
        found = wait_until("StreamingService", tiny, "tiny", lambda s: s["status"]["replicas"] == 1)
        assert found["status"]["phase"] == "Deleting"
        viewer.play()
        everybody_leaves(viewer)
    operator.kubectl(
        "wait", "--for=delete", "ssvc/tiny", "-n", tiny, f"--timeout={PATIENCE_S:.0f}s"
    )
    wait_for_pods(tiny, "tiny", lambda found: not found)


def is_busy(pod: Object) -> bool:
    return BUSY in pod["metadata"]["labels"]


def evict(namespace: str, pod: str) -> None:
    """Raises `ApiException` 429 where a disruption budget forbids it."""
    meta = kubernetes.client.V1ObjectMeta(name=pod, namespace=namespace)
    body = kubernetes.client.V1Eviction(metadata=meta)
    kubernetes.client.CoreV1Api().create_namespaced_pod_eviction(pod, namespace, body)


def test_a_watched_pod_cannot_be_evicted_and_an_idle_one_is_replaced(
    operator: Target, served: str
) -> None:
    with viewers(operator, served, url_of(served), 1) as (viewer,):
        (busy,) = sessions_by_pod(wait_for_sessions(served, 1))
        found = wait_for_pods(served, "tiny", lambda pods: sum(map(is_busy, pods)) == 1)
        (idle,) = (p for p in found if p["metadata"]["name"] != busy)
        with pytest.raises(kubernetes.client.ApiException, match="429"):
            evict(served, busy)
        evict(served, idle["metadata"]["name"])
        wait_for_pods(
            served,
            "tiny",
            lambda pods: (
                len(pods) == 2
                and idle["metadata"]["uid"] not in uids(pods)
                and all(map(is_ready, pods))
            ),
        )
        viewer.play()
        everybody_leaves(viewer)


def node_of(pod: Object) -> str:
    """Empty before the pod is scheduled."""
    return str(pod["spec"].get("nodeName", ""))


def test_a_node_is_emptied_without_dropping_a_viewer(
    operator: Target, served: str, own_cluster: Target
) -> None:
    with viewers(operator, served, url_of(served), 1) as (viewer,):
        (busy,) = sessions_by_pod(wait_for_sessions(served, 1))
        node = next(
            node_of(pod) for pod in pods_of(served, "tiny") if pod["metadata"]["name"] == busy
        )
        options = ("--force", "--delete-emptydir-data", "--pod-selector=matinee.video/service=tiny")
        with subprocess.Popen(
            ["kubectl", "drain", node, *options, TIMEOUT],
            env=operator.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as draining:
            wait_for_pods(
                served,
                "tiny",
                lambda found: [node_of(p) != node and is_ready(p) for p in found].count(True) == 2,
            )
            viewer.hear("draining")
            viewer.play()
            assert draining.poll() is None, "kubectl drain waits for the viewer"
            everybody_leaves(viewer)
            said, _ = draining.communicate(timeout=PATIENCE_S)
        assert draining.returncode == 0, said
    assert node not in map(node_of, pods_of(served, "tiny"))
    operator.kubectl("uncordon", node)
    wait_until("StreamingService", served, "tiny", READY)


def uids(found: list[Object]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in found}
