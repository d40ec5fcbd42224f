"""What people and kubelets do in a story: objects of all kinds, pods that become ready; and a look
at what there is.
"""

from __future__ import annotations

import contextlib
from typing import Any

from matinee_operator.clients.kube import MERGE, Kube
from matinee_operator.errors import NotFound
from matinee_operator.objects import Key

VERSION = "matinee.video/v1alpha1"
KINDS = ("Pod", "ConfigMap", "Service", "PodDisruptionBudget", "NetworkPolicy", "Job", "Secret")
CPU = {"gpu": {"count": 0}}


async def new_namespace(kube: Kube, name: str, **labels: str) -> str:
    meta = {"name": name, "labels": labels}
    await kube.request("POST", "/api/v1/namespaces", {}, {"metadata": meta})
    return name


async def apply(kube: Kube, namespace: str, kind: str, **spec: Any) -> None:
    meta = {"name": "tiny", "namespace": namespace}
    manifest = {"apiVersion": VERSION, "kind": kind, "metadata": meta, "spec": spec}
    await kube.apply(manifest)


async def apply_all(kube: Kube, namespace: str, **service: Any) -> None:
    source, warmup = {"uri": "builtin:tiny"}, {"resources": CPU}
    engine = {"family": "ltx"}
    await apply(kube, namespace, "VideoModel", source=source, engine=engine, warmup=warmup)
    wanted = {"modelRef": {"name": "tiny"}, "replicas": 2, "resources": CPU} | service
    await apply(kube, namespace, "StreamingService", **wanted)
    await apply(kube, namespace, "Router", services=[{"name": "tiny"}])


async def be_ready(kube: Kube, namespace: str) -> None:
    """What a kubelet would do."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {"status": {"phase": "Running", "conditions": [ready]}}
    for pod in await kube.list("Pod", namespace):
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
        with contextlib.suppress(NotFound):  # the operator may be deleting it
            await kube.request("PATCH", path, {}, status, MERGE)


async def children(kube: Kube, namespace: str) -> list[str]:
    found = [one for kind in KINDS for one in await kube.list(kind, namespace)]
    return [f"{one['kind']} {one['metadata']['name']}" for one in found]


async def conditions(kube: Kube, namespace: str) -> dict[str, str]:
    found = await kube.get(Key("StreamingService", namespace, "tiny"))
    return {one["type"]: one["status"] for one in found["status"]["conditions"]}
