"""What people and kubelets do in a story: objects of all kinds, pods that become ready; and a look
at what there is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from matinee_operator import labels
from matinee_operator.clients.kube import MERGE, Kube, path_of
from matinee_operator.errors import NotFound
from matinee_operator.objects import Key

VERSION = "matinee.video/v1alpha1"
OF_ROUTERS = ("Deployment", "ServiceAccount", "Role", "RoleBinding")
KINDS = (
    *("Pod", "ConfigMap", "Service", "PodDisruptionBudget", "NetworkPolicy", "Job", "Secret"),
    *OF_ROUTERS,
    "Ingress",
)
NAME = "tiny"
CPU = {"gpu": {"count": 0}}
MODEL = {"source": {"uri": "builtin:tiny"}, "engine": {"family": "ltx"}}
SPECS: dict[str, dict[str, Any]] = {
    "VideoModel": {**MODEL, "warmup": {"resources": CPU}},
    "StreamingService": {"modelRef": {"name": NAME}, "replicas": 1, "resources": CPU},
    "Router": {"services": [{"name": NAME}]},
}
"""The usual three objects."""
OUTSIDE = {**SPECS["Router"], "ingress": {"host": "video.example.com"}}
"""A Router with all its children."""
LONG_AGO = "2026-01-01T00:00:00Z"
READY = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": LONG_AGO}],
}
"""Status of a pod that serves."""


async def new_namespace(kube: Kube, name: str, **labels: str) -> str:
    meta = {"name": name, "labels": labels}
    await kube.request("POST", "/api/v1/namespaces", {}, {"metadata": meta})
    return name


async def apply(
    kube: Kube, namespace: str, kind: str, spec: Mapping[str, Any], name: str = NAME
) -> None:
    meta = {"name": name, "namespace": namespace}
    await kube.apply({"apiVersion": VERSION, "kind": kind, "metadata": meta, "spec": spec})


async def apply_all(kube: Kube, namespace: str, **service: Any) -> None:
    """The usual objects, with two pods."""
    changes = {"StreamingService": {"replicas": 2} | service}
    for kind, spec in SPECS.items():
        await apply(kube, namespace, kind, spec | changes.get(kind, {}))


async def set_status(kube: Kube, key: Key, status: Mapping[str, Any] | None) -> None:
    await kube.request("PATCH", f"{path_of(key)}/status", {}, {"status": status}, MERGE)


async def pods_say(kube: Kube, namespace: str, status: Mapping[str, Any], labels: str = "") -> None:
    """The kubelet or the scheduler writes this into the status of these pods."""
    for pod in await kube.list("Pod", namespace, labels):
        with contextlib.suppress(NotFound):  # the operator may be deleting it
            await set_status(kube, Key("Pod", namespace, pod["metadata"]["name"]), status)


async def be_ready(kube: Kube, namespace: str) -> None:
    await pods_say(kube, namespace, READY)


async def send_viewers(kube: Kube, namespace: str) -> None:
    """The EndpointSlice of the usual service, as its controller makes it."""
    service = await kube.get(Key("Service", namespace, NAME))
    marks = {**service["metadata"]["labels"], "kubernetes.io/service-name": NAME}
    endpoints = [
        {
            "addresses": ["10.0.0.1"],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "uid": pod["metadata"]["uid"]},
        }
        for pod in await kube.list("Pod", namespace, f"{labels.SERVICE}={NAME}")
    ]
    made = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4"}
    meta = {"name": f"{NAME}-x", "namespace": namespace, "labels": marks}
    await kube.create({**made, "metadata": meta, "endpoints": endpoints})


async def children(kube: Kube, namespace: str) -> list[str]:
    found = [one for kind in KINDS for one in await kube.list(kind, namespace)]
    return [f"{one['kind']} {one['metadata']['name']}" for one in found]


async def conditions(kube: Kube, namespace: str) -> dict[str, str]:
    found = await kube.get(Key("StreamingService", namespace, NAME))
    return {one["type"]: one["status"] for one in found["status"]["conditions"]}
