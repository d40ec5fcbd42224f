"""Manifests of small pods for tests. All satisfy Pod Security `restricted`."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from typing import Any

import kubernetes.client

from e2e.target import Target
from e2e.waiting import PATIENCE_S, is_ready, objects, wait_for
from tools.cluster import network, shell

Manifest = dict[str, Any]
SERVER = """
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ["HOSTNAME"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", 8080), Answer).serve_forever()
"""
"""Answers every request with the pod's name."""
CLIENT = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])).read().decode())
"""
KNOCK = """
import sys, time, urllib.request
deadline, answers = time.monotonic() + float(sys.argv[2]), 0
while answers < 10:
    try:
        urllib.request.urlopen(sys.argv[1], timeout=2)
        answers += 1
    except OSError:
        if time.monotonic() > deadline:
            raise
        answers = 0
        time.sleep(0.1)
"""
"""Returns after ten answers in a row."""
ASLEEP = ["python3", "-c", "import signal; signal.pause()"]


def pod(
    target: Target,
    name: str,
    command: list[str],
    *,
    image: str = "router",
    node: str | None = None,
    labels: dict[str, str] | None = None,
    requests: dict[str, str] | None = None,
    **container: Any,
) -> Manifest:
    """A pod of one container, which runs `command` in one of our images."""
    placed = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name, **(labels or {})}},
        "spec": {
            **placed,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": target.image(image),
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "resources": {"requests": requests or {}, "limits": requests or {}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    **container,
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def server(target: Target, name: str, **options: Any) -> Manifest:
    """A pod that answers on port 8080 with its name, and is Ready when it does."""
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    port = {"name": "http", "containerPort": 8080}
    command = ["python3", "-c", SERVER]
    return pod(target, name, command, ports=[port], readinessProbe=probe, **options)


def asleep(target: Target, name: str, **options: Any) -> Manifest:
    """A pod to run commands in."""
    return pod(target, name, ASLEEP, **options)


def service(name: str, selector: dict[str, str], port: int = 8080) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": selector, "ports": [{"port": port, "targetPort": port}]},
    }


def run(target: Target, namespace: str, *manifests: Manifest) -> None:
    """Create the pods and wait until all are Ready."""
    target.create(namespace, *manifests)
    wait_ready(namespace, *(manifest["metadata"]["name"] for manifest in manifests))


def wait_ready(namespace: str, *names: str) -> None:
    def all_ready(found: list[Manifest]) -> bool:
        return {p["metadata"]["name"] for p in found if is_ready(p)} >= set(names)

    wait_for(kubernetes.client.CoreV1Api().list_namespaced_pod, all_ready, namespace)


def get(target: Target, namespace: str, client: str, url: str, timeout_s: float = 10) -> str:
    """What a client pod gets from the address.

    Raises:
        subprocess.CalledProcessError: nothing; `stderr` says why.
    """
    words = ("exec", "-n", namespace, client, "--", "python3", "-c", CLIENT, url, str(timeout_s))
    return target.kubectl(*words).strip()


def wait_reachable(target: Target, namespace: str, client: str, url: str) -> None:
    """Until the client pod gets an answer from the address of a Service whenever it asks.

    A Service's rules (kube-proxy, at most once a second) and names (DNS) follow its EndpointSlices
    a moment later on each node, and no object of Kubernetes tells when: somebody has to knock.

    Raises:
        subprocess.CalledProcessError: it never did; `stderr` says why.
    """
    words = ("exec", "-n", namespace, client, "--", "python3", "-c", KNOCK, url, str(PATIENCE_S))
    target.kubectl(*words)


def first_line(target: Target, namespace: str, name: str) -> str:
    """The first line of the pod's log, as soon as it is there: a pod may be Ready before."""
    words = ("kubectl", "logs", "-n", namespace, name, "--follow")
    with subprocess.Popen(
        words, env=target.environment(), stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        try:
            return following.stdout.readline().removesuffix("\n")
        finally:
            following.kill()


def ready_addresses(slices: list[Manifest]) -> set[str]:
    """Names of the pods that a Service's EndpointSlices call ready."""
    return {
        endpoint["targetRef"]["name"]
        for piece in slices
        for endpoint in piece.get("endpoints") or ()
        if endpoint["conditions"].get("ready")
    }


def named(namespace: str, name: str) -> Manifest:
    """The pod, as it is now."""
    (found,) = objects(kubernetes.client.CoreV1Api().list_namespaced_pod, namespace, name=name)
    return found


def address_of(namespace: str, name: str) -> str:
    """The pod's address."""
    (found,) = wait_for(
        kubernetes.client.CoreV1Api().list_namespaced_pod,
        lambda pods: bool(pods and pods[0]["status"].get("podIP")),
        namespace,
        name=name,
    )
    return str(found["status"]["podIP"])


@contextlib.contextmanager
def cut_off(namespace: str, name: str) -> Iterator[None]:
    """Nothing reaches the pod of our cluster from another one, and nothing leaves it."""
    found = named(namespace, name)
    address, nft = found["status"]["podIP"], [*network.inside(found["spec"]["nodeName"]), "nft"]
    chain = "type filter hook forward priority -1;"
    shell.run(*nft, f"table inet cut {{ chain forward {{ {chain}"
        f" ip saddr {address} drop; ip daddr {address} drop; }}; }}")  # fmt: skip
    try:
        yield
    finally:
        shell.run(*nft, "delete table inet cut")
