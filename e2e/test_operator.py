from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest

from e2e import operating, pods
from e2e.operating import condition, pods_of, wait_until
from e2e.target import Target
from e2e.test_runtime import PROMPT, fetched, streamed
from e2e.waiting import PATIENCE_S, is_ready, wait_for

EXAMPLES = ("examples/videomodel.yaml", "examples/streamingservice.yaml")
READY = condition("Ready", "True")
TAKEOVER_S = 15.0
VIEWERS, PROMPTS = 4, 5


@pytest.fixture(scope="module")
def operator(cluster: Target) -> Iterator[Target]:
    """The cluster with the chart installed."""
    operating.install(cluster)
    yield cluster
    operating.uninstall(cluster)


@pytest.fixture
def tiny(operator: Target, namespace: str) -> str:
    """A namespace in which the examples serve the bundled model."""
    for file in EXAMPLES:
        operator.kubectl("apply", "-n", namespace, "-f", file)
    wait_until("StreamingService", namespace, "tiny", READY)
    return namespace


def patch(target: Target, namespace: str, spec: dict[str, Any]) -> None:
    words = ("patch", "ssvc/tiny", "-n", namespace, "--type=merge", "-p")
    target.kubectl(*words, json.dumps({"spec": spec}))


def names_of(namespace: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods_of(namespace, "tiny")}


def revision_of(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"]["matinee.video/revision"])


def test_the_chart_s_own_test_passes(operator: Target) -> None:
    assert "Succeeded" in operating.helm(operator, "test", operating.RELEASE)


def test_the_examples_serve_and_say_so(operator: Target, tiny: str, tmp_path: Path) -> None:
    wait_until("VideoModel", tiny, "tiny", READY)
    operator.kubectl("apply", "-n", tiny, "-f", "examples/router.yaml")
    router = wait_until("Router", tiny, "tiny", READY)
    pods.run(operator, tiny, pods.asleep(operator, "client"))
    for url in (f"http://tiny.{tiny}.svc:8000", f"http://tiny-router.{tiny}.svc"):
        assert len(streamed(operator, tiny, url, tmp_path / "segment.mp4")) == 17
    assert router["status"]["url"].startswith(f"ws://tiny-router.{tiny}.svc")
    models = operator.kubectl("get", "videomodels", "-n", tiny)
    assert re.search(r"NAME +READY +PHASE +FAMILY +SIZE +CACHED +WARM +AGE", models), models
    assert re.search(r"tiny +True +Ready +ltx +True +True", models), models
    services = operator.kubectl("get", "ssvc", "-n", tiny)
    columns = [
        "NAME",
        "READY",
        "SERVABLE",
        "DESIRED",
        "UPDATED",
        "DRAINING",
        "SESSIONS",
        "MODEL",
        "AGE",
    ]
    assert services.splitlines()[0].split() == columns
    assert re.search(r"tiny +True +True +2 +2 +0 +0 +tiny", services), services
    told = operator.kubectl("describe", "ssvc/tiny", "-n", tiny)
    assert "Events:" in told
    assert re.search(r"Type: +Servable", told), told


def test_scaling_makes_and_removes_pods(operator: Target, tiny: str) -> None:
    operator.kubectl("scale", "ssvc/tiny", "-n", tiny, "--replicas=3")
    wait_until(
        "StreamingService", tiny, "tiny", lambda s: READY(s) and s["status"]["readyReplicas"] == 3
    )
    operator.kubectl("scale", "ssvc/tiny", "-n", tiny, "--replicas=1")
    list_pods = kubernetes.client.CoreV1Api().list_namespaced_pod
    wait_for(list_pods, lambda _: len(names_of(tiny)) == 1, tiny)
    wait_until("StreamingService", tiny, "tiny", READY)


def test_a_pod_that_is_deleted_by_hand_comes_back(operator: Target, tiny: str) -> None:
    before = {pod["metadata"]["uid"] for pod in pods_of(tiny, "tiny")}
    gone = sorted(names_of(tiny))[0]
    operator.kubectl("delete", "pod", "-n", tiny, gone, "--wait=false")
    list_pods = kubernetes.client.CoreV1Api().list_namespaced_pod

    def two_and_one_is_new(_: Any) -> bool:
        found = pods_of(tiny, "tiny")
        new = [pod for pod in found if pod["metadata"]["uid"] not in before]
        return len(found) == 2 and len(new) == 1 and all(map(is_ready, found))

    wait_for(list_pods, two_and_one_is_new, tiny)


@pytest.mark.parametrize("child", ["service/tiny", "networkpolicy/tiny"])
def test_a_child_that_is_deleted_by_hand_is_put_back(
    operator: Target, tiny: str, child: str
) -> None:
    kind, name = child.split("/")
    operator.kubectl("delete", child, "-n", tiny)
    api = {
        "service": kubernetes.client.CoreV1Api().list_namespaced_service,
        "networkpolicy": kubernetes.client.NetworkingV1Api().list_namespaced_network_policy,
    }[kind]
    wait_for(api, bool, tiny, name=name)


def test_a_new_revision_replaces_the_pods_and_keeps_serving(operator: Target, tiny: str) -> None:
    (old,) = {revision_of(pod) for pod in pods_of(tiny, "tiny")}
    patch(operator, tiny, {"sessions": {"maxPerPod": 2}})

    def rolled_out(found: dict[str, Any]) -> bool:
        assert not condition("Servable", "False")(found), "nobody could take a session"
        return READY(found) and found["status"]["updatedReplicas"] == 2

    wait_until("StreamingService", tiny, "tiny", rolled_out)
    list_pods = kubernetes.client.CoreV1Api().list_namespaced_pod
    wait_for(list_pods, lambda _: old not in map(revision_of, pods_of(tiny, "tiny")), tiny)
    assert len(names_of(tiny)) == 2


def test_sessions_live_through_a_rollout(operator: Target, tiny: str, tmp_path: Path) -> None:
    """Four viewers in mid-stream while every pod is replaced: none of them notices."""
    pods.run(operator, tiny, pods.asleep(operator, "client"))
    (old,) = {revision_of(pod) for pod in pods_of(tiny, "tiny")}
    url = f"http://tiny.{tiny}.svc:8000"
    viewers = [
        subprocess.Popen(
            ["kubectl", *_watching(tiny, url, f"/tmp/{number}.mp4")],
            env=operator.environment(),
            stderr=subprocess.PIPE,
        )
        for number in range(VIEWERS)
    ]
    wait_until(
        "StreamingService",
        tiny,
        "tiny",
        lambda found: found["status"]["sessions"]["active"] == VIEWERS,
    )
    patch(operator, tiny, {"sessions": {"maxPerPod": 3}})
    for viewer in viewers:
        _, said = viewer.communicate(timeout=PATIENCE_S * 2)
        assert viewer.returncode == 0, said
    for number in range(VIEWERS):
        frames = fetched(operator, tiny, f"/tmp/{number}.mp4", tmp_path / "seen.mp4")
        assert len(frames) == 17 + 16 * (PROMPTS - 1)
    list_pods = kubernetes.client.CoreV1Api().list_namespaced_pod
    wait_for(list_pods, lambda _: old not in map(revision_of, pods_of(tiny, "tiny")), tiny)
    wait_until("StreamingService", tiny, "tiny", READY)


def _watching(namespace: str, url: str, file: str) -> list[str]:
    stream = ["python3", "-m", "matinee", "stream", url, "-o", file]
    prompts = [word for _ in range(PROMPTS) for word in ("-p", PROMPT)]
    return ["exec", "-n", namespace, "client", "--", *stream, *prompts]


def test_a_bad_image_is_told_and_the_old_pods_go_on(
    operator: Target, tiny: str, tmp_path: Path
) -> None:
    before = names_of(tiny)
    patch(operator, tiny, {"pod": {"image": "matinee/no-such-image:1"}})
    found = wait_until("StreamingService", tiny, "tiny", condition("Degraded", "True"))
    (degraded,) = (c for c in found["status"]["conditions"] if c["type"] == "Degraded")
    assert "matinee/no-such-image:1" in degraded["message"]
    assert before <= names_of(tiny)
    pods.run(operator, tiny, pods.asleep(operator, "client"))
    url = f"http://tiny.{tiny}.svc:8000"
    assert len(streamed(operator, tiny, url, tmp_path / "segment.mp4")) == 17
    patch(operator, tiny, {"pod": {"image": None}})
    wait_until("StreamingService", tiny, "tiny", READY)
    assert names_of(tiny) == before


def test_everything_goes_with_the_service(operator: Target, tiny: str) -> None:
    operator.kubectl("delete", "ssvc/tiny", "vmod/tiny", "-n", tiny)
    listed = "pods,configmaps,services,poddisruptionbudgets,networkpolicies,jobs,secrets"
    words = ("get", listed, "-n", tiny, "-l", "app.kubernetes.io/managed-by=matinee", "-o", "name")
    list_pods = kubernetes.client.CoreV1Api().list_namespaced_pod
    wait_for(list_pods, lambda found: not found, tiny)
    operator.kubectl("wait", "--for=delete", *words[1:6], "--timeout=60s")
    assert operator.kubectl(*words) == ""


def test_the_standby_takes_over_when_the_leader_is_killed(operator: Target, tiny: str) -> None:
    leases = kubernetes.client.CoordinationV1Api().list_namespaced_lease

    def holder(found: list[dict[str, Any]]) -> str:
        return str(found[0]["spec"].get("holderIdentity") or "") if found else ""

    before = holder(wait_for(leases, lambda found: bool(holder(found)), operating.NAMESPACE))
    leader = before.split("_")[0]
    words = ("delete", "pod", "-n", operating.NAMESPACE, leader, "--grace-period=0", "--force")
    operator.kubectl(*words)
    wait_for(
        leases,
        lambda found: holder(found) not in ("", before),
        operating.NAMESPACE,
        timeout_s=TAKEOVER_S + 5,
    )
    operator.kubectl("scale", "ssvc/tiny", "-n", tiny, "--replicas=1")
    wait_until("StreamingService", tiny, "tiny", lambda found: found["status"]["replicas"] == 1)
