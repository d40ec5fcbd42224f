from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import kubernetes.client
import yaml

from e2e import pods
from e2e.target import Target
from e2e.viewing import PROMPT
from e2e.waiting import Object, ask_until, is_ready, wait_for

TOKEN = "only-for-this-test"  # noqa: S105
CONFIG = {
    "generator": {"model_path": "builtin:tiny", "engine": {"device": "cpu"}},
    "server": {"host": "::", "allowed_hosts": ["*.svc"]},
    "streaming": {"max_sessions": 2},
}
SETTINGS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "runtime"},
    "data": {"serve.yaml": yaml.safe_dump(CONFIG)},
}


def runtime_pod(target: Target) -> dict[str, Any]:
    """The bundled model, served as a plain pod on node-2."""
    manifest = pods.pod(
        target,
        "runtime",
        ["python3", "-m", "matinee", "serve", "--config", "/config/serve.yaml"],
        image="runtime",
        node="node-2" if target.ours else None,
        requests={"memory": "2Gi"},
        env=[{"name": "MATINEE_ADMIN_TOKEN", "value": TOKEN}],
        ports=[{"name": "http", "containerPort": 8000}],
        livenessProbe={"httpGet": {"path": "/healthz", "port": "http"}, "timeoutSeconds": 5},
        startupProbe={
            "httpGet": {"path": "/healthz", "port": "http"},
            "periodSeconds": 1,
            "failureThreshold": 120,
        },
        readinessProbe={
            "httpGet": {"path": "/readyz", "port": "http"},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
        },
        volumeMounts=[
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "config", "mountPath": "/config"},
        ],
    )
    manifest["spec"]["volumes"].append({"name": "config", "configMap": {"name": "runtime"}})
    return manifest


def streamed(target: Target, namespace: str, url: str, to: Path) -> list[dict[str, Any]]:
    """Stream a segment from a client pod; returns the frames that ffprobe finds in the file."""
    pods.wait_reachable(target, namespace, "client", f"{url}/readyz")
    stream = ("python3", "-m", "matinee", "stream", url, "-p", PROMPT, "-o", "/tmp/a.mp4")
    target.kubectl("exec", "-n", namespace, "client", "--", *stream)
    return fetched(target, namespace, "/tmp/a.mp4", to)


def fetched(target: Target, namespace: str, file: str, to: Path) -> list[dict[str, Any]]:
    """Bring a video from the client pod; returns its frames."""
    words = ("exec", "-n", namespace, "client", "--", "cat", file)
    to.write_bytes(target.raw_kubectl(*words))
    probe = ["ffprobe", "-v", "error", "-show_frames", "-of", "json", str(to)]
    frames: list[dict[str, Any]] = json.loads(
        subprocess.run(probe, check=True, capture_output=True).stdout
    )["frames"]
    return frames


def serve(target: Target, namespace: str) -> str:
    """Create the pod, its Service and a client; returns the Service's URL."""
    target.create(
        namespace,
        SETTINGS,
        pods.service("runtime", {"app": "runtime"}, port=8000),
        runtime_pod(target),
        pods.asleep(target, "client", node="node-1" if target.ours else None),
    )
    return f"http://runtime.{namespace}.svc:8000"


def wait_for_endpoint(namespace: str, ready: bool) -> None:
    """Until the Service has one address, which is ready or not."""
    slices = kubernetes.client.DiscoveryV1Api().list_namespaced_endpoint_slice

    def holds(found: list[Object]) -> bool:
        addresses = [endpoint for piece in found for endpoint in piece.get("endpoints") or ()]
        return [one["conditions"]["ready"] for one in addresses] == [ready]

    wait_for(slices, holds, namespace)


DRAIN = f"""
import sys, urllib.request
headers = {{"Authorization": "Bearer {TOKEN}"}}
order = urllib.request.Request(sys.argv[1] + "/v1/drain", b"", headers)
print(urllib.request.urlopen(order).read().decode())
"""


def test_a_client_on_another_node_streams_over_the_service_which_readyz_gates(
    cluster: Target, namespace: str, tmp_path: Path
) -> None:
    """Without its probe the server would stay in the Service for as long as it lives."""
    url = serve(cluster, namespace)
    wait_for_endpoint(namespace, ready=False)  # its model is not warm
    pods.wait_ready(namespace, "runtime", "client")
    wait_for_endpoint(namespace, ready=True)
    frames = streamed(cluster, namespace, url, tmp_path / "segment.mp4")
    assert len(frames) == 17
    assert (frames[0]["width"], frames[0]["height"]) == (64, 64)
    assert "ready: http://" in cluster.kubectl("logs", "-n", namespace, "runtime")
    drain = ("exec", "-n", namespace, "client", "--", "python3", "-c", DRAIN, url)
    assert json.loads(cluster.kubectl(*drain)) == {"draining": True, "sessions": 0}
    wait_for_endpoint(namespace, ready=False)
    ask_until(lambda: answers(cluster, namespace, url), lambda it_does: not it_does)
    own_url = f"http://{pods.address_of(namespace, 'runtime')}:8000"
    assert answers(cluster, namespace, own_url)
    server = pods.named(namespace, "runtime")
    (container,) = server["status"]["containerStatuses"]
    assert not is_ready(server)
    assert "running" in container["state"]
    assert container["restartCount"] == 0


def answers(target: Target, namespace: str, url: str) -> bool:
    """Whether the client gets an answer from the server's process, ready or not."""
    try:
        pods.get(target, namespace, "client", f"{url}/healthz", timeout_s=2)
    except subprocess.CalledProcessError:
        return False
    return True


def test_a_pod_with_a_bad_configuration_says_what_is_wrong(cluster: Target, namespace: str) -> None:
    bad = json.loads(json.dumps(SETTINGS).replace("max_sessions", "max_sesions"))
    broken = runtime_pod(cluster)
    broken["spec"]["restartPolicy"] = "Never"
    cluster.create(namespace, bad, broken)
    wait_for(
        kubernetes.client.CoreV1Api().list_namespaced_pod,
        lambda found: found[0]["status"].get("phase") == "Failed",
        namespace,
        name="runtime",
    )
    said = cluster.kubectl("logs", "-n", namespace, "runtime")
    assert "streaming.max_sesions" in said
    assert "max_sessions" in said
