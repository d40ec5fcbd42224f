from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes.client

from e2e import operating
from e2e.operating import condition, pods_of, wait_until
from e2e.target import Target
from e2e.test_runtime import streamed
from e2e.waiting import is_ready, wait_for

EXAMPLES = ("examples/videomodel.yaml", "examples/streamingservice.yaml")
READY = condition("Ready", "True")
TAKEOVER_S = 15.0
VIEWERS, PROMPTS = 4, 5


def names_of(namespace: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods_of(namespace, "tiny")}


def test_the_chart_s_own_test_passes(operator: Target) -> None:
    assert "Succeeded" in operating.helm(operator, "test", operating.RELEASE)


def test_the_examples_serve_and_say_so(operator: Target, tiny: str, tmp_path: Path) -> None:
    wait_until("VideoModel", tiny, "tiny", READY)
    operator.kubectl("apply", "-n", tiny, "-f", "examples/router.yaml")
    router = wait_until("Router", tiny, "tiny", READY)
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
    assert re.search(r"tiny +True +2 +2 +2 +0 +0 +tiny", services), services
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


def test_everything_goes_with_the_service(operator: Target, tiny: str) -> None:
    operator.kubectl("delete", "ssvc/tiny", "vmod/tiny", "-n", tiny)
    listed = "pods,configmaps,services,poddisruptionbudgets,networkpolicies,jobs,secrets"
    words = (listed, "-n", tiny, "-l", "app.kubernetes.io/managed-by=matinee")
    operator.kubectl("wait", "--for=delete", *words, "--timeout=180s")
    assert operator.kubectl("get", *words, "-o", "name") == ""


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
