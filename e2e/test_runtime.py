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
from e2e.waiting import is_true, wait_for

CONFIG = {
    "generator": {"model_path": "builtin:tiny", "engine": {"device": "cpu"}},
    "server": {"host": "0.0.0.0"},  # noqa: S104 - in a pod
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


def test_a_client_on_another_node_streams_a_segment_over_the_service(
    cluster: Target, namespace: str, tmp_path: Path
) -> None:
    slices = kubernetes.client.DiscoveryV1Api().list_namespaced_endpoint_slice
    list_pods = kubernetes.client.CoreV1Api().list_namespaced_pod
    cluster.create(
        namespace,
        SETTINGS,
        pods.service("runtime", {"app": "runtime"}, port=8000),
        runtime_pod(cluster),
        pods.asleep(cluster, "client", node="node-1" if cluster.ours else None),
    )
    # The server lives before its model is warm, and the Service leaves it out until then.
    started = is_true("PodReadyToStartContainers")
    wait_for(list_pods, lambda found: started(found[0]), namespace, name="runtime")
    wait_for(slices, lambda found: bool(found) and not pods.ready_addresses(found), namespace)
    pods.wait_ready(namespace, "runtime", "client")
    wait_for(slices, lambda found: pods.ready_addresses(found) == {"runtime"}, namespace)
    url = f"http://runtime.{namespace}.svc:8000"
    pods.wait_reachable(cluster, namespace, "client", f"{url}/readyz")
    frames = streamed(cluster, namespace, url, tmp_path / "segment.mp4")
    assert len(frames) == 17
    assert (frames[0]["width"], frames[0]["height"]) == (64, 64)
    assert "ready: http://" in cluster.kubectl("logs", "-n", namespace, "runtime")


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
