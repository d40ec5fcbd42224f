"""Viewers who come through a Router: one address for two services that share a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from e2e.conftest import serve, serve_at_once
from e2e.operating import condition, wait_until
from e2e.target import Target
from e2e.test_operator import STATUS
from e2e.viewing import Viewer, viewers
from e2e.waiting import ask_until
from tests.servers.redis_server import free_port, redis_server
from tools.cluster.places import HOST_ADDRESS

PASSWORD = "only-for-this-test"  # noqa: S105
STORE = {"type": "Redis", "urlSecret": {"name": "session-store"}}
READY = condition("Ready", "True")
FRONT: dict[str, Any] = {
    "apiVersion": "matinee.video/v1alpha1",
    "kind": "Router",
    "metadata": {"name": "front"},
    "spec": {"services": [{"name": "tiny"}]},
}
TO_ZERO = {"minReplicas": 0, "maxReplicas": 1, "bufferSlots": 0}


@contextmanager
def shared_store(folder: Path) -> Iterator[str]:
    """Where pods reach it."""
    port = free_port()
    settings = ["--bind", HOST_ADDRESS, "--port", str(port), "--requirepass", PASSWORD]
    with redis_server(folder, *settings):
        yield f"redis://:{PASSWORD}@{HOST_ADDRESS}:{port}"


def examples() -> Iterator[dict[str, Any]]:
    """As they are, but for the store, the warm-up and the number of pods."""
    for name in ("videomodel", "streamingservice", "router"):
        for found in yaml.safe_load_all(Path(f"examples/{name}.yaml").read_text()):
            if found["kind"] == "VideoModel":
                found["spec"]["warmup"] = {"enabled": False}
            if found["kind"] == "StreamingService":
                found["spec"] |= {"replicas": 1, "store": STORE}
            yield found


def served(target: Target, namespace: str, url: str) -> None:
    words = ("create", "secret", "generic", "session-store", "-n", namespace)
    target.kubectl(*words, f"--from-literal=url={url}")
    for manifest in examples():
        target.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest))
    serve(target, namespace)
    for kind, name in (("StreamingService", "tiny-more"), ("Router", "tiny")):
        wait_until(kind, namespace, name, READY)


def busy_pod(namespace: str) -> str:
    """Where the one session is, as soon as the services tell."""
    for service in ("tiny", "tiny-more"):
        wait_until("StreamingService", namespace, service, lambda found: "pods" in found["status"])
    found = wait_until("Router", namespace, "tiny", lambda found: found["status"]["sessions"] == 1)
    assert found["status"]["backends"]["ready"] == 2
    pods = [pod for service in ("tiny", "tiny-more") for pod in _pods_of(namespace, service)]
    (busy,) = (pod["name"] for pod in pods if pod["sessions"])
    return str(busy)


def _pods_of(namespace: str, service: str) -> list[dict[str, Any]]:
    found = wait_until("StreamingService", namespace, service, lambda _found: True)
    pods: list[dict[str, Any]] = found["status"]["pods"]
    return pods


def to_the_end(viewer: Viewer) -> str:
    """The digest of all of its video."""
    ended = viewer.leave()
    assert ended["code"] == 1000
    return str(ended["video"])


def test_a_viewer_watches_on_when_its_pod_is_killed(
    operator: Target, our_cluster: Target, namespace: str, tmp_path: Path
) -> None:
    url = f"http://tiny-router.{namespace}.svc"
    with shared_store(tmp_path) as store:
        served(operator, namespace, store)
        with viewers(operator, namespace, url, 1, seed=7) as (viewer,):
            viewer.play()
            viewer.play()
            undisturbed = to_the_end(viewer)
        with viewers(operator, namespace, url, 1, seed=7) as (viewer,):
            viewer.play()
            killed = busy_pod(namespace)
            viewer.ask()
            words = ("delete", "pod", killed, "-n", namespace, "--grace-period=0", "--force")
            operator.kubectl(*words)
            assert viewer.hear("session_migrated")["gap_ms"] > 0
            viewer.hear("ltx2_segment_complete")
            assert to_the_end(viewer) == undisturbed
    columns = operator.kubectl("get", "vrtr/tiny", "-n", namespace).splitlines()[1].split()
    assert columns[:2] == ["tiny", f"ws://tiny-router.{namespace}.svc/v1/stream"]
    told = wait_until("Router", namespace, "tiny", condition("Accepted", "True", "OpenToAnybody"))
    assert told["status"]["readyReplicas"] == 2


def test_a_service_is_reached_through_its_router_only(
    operator: Target, our_cluster: Target, lone: str
) -> None:
    def answers(url: str, wanted: int) -> None:
        """Nodes follow a Service and a NetworkPolicy a moment after their objects are there."""
        words = ("exec", "-n", lone, "client", "--", "python3", "-c", STATUS, url, "")
        ask_until(lambda: int(operator.kubectl(*words)), lambda status: status == wanted)

    answers(f"http://tiny.{lone}.svc:8000/healthz", 200)
    operator.kubectl("apply", "-n", lone, "-f", "-", stdin=json.dumps(FRONT))
    wait_until("Router", lone, "front", READY)
    answers(f"http://front-router.{lone}.svc/readyz", 200)
    answers(f"http://tiny.{lone}.svc:8000/healthz", 0)
    operator.kubectl("delete", "vrtr/front", "-n", lone)
    answers(f"http://tiny.{lone}.svc:8000/healthz", 200)


def test_the_first_viewer_wakes_a_service_that_has_no_pod(
    operator: Target, our_cluster: Target, namespace: str
) -> None:
    operator.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(FRONT))
    serve_at_once(operator, namespace, autoscaling=TO_ZERO)
    asleep = condition("Servable", "False", "ScaledToZero")
    wait_until("StreamingService", namespace, "tiny", asleep)
    with viewers(operator, namespace, f"http://front-router.{namespace}.svc", 1) as (viewer,):
        found = wait_until("StreamingService", namespace, "tiny", condition("Servable", "True"))
        assert found["status"]["lastStart"]["seconds"] >= 1
        assert viewer.leave()["code"] == 1000
