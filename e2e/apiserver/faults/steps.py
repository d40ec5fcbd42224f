"""What happens to objects in a row of the fault table: what a person, a kubelet, a scheduler or a
controller does. Each step is done once, and the operator settles after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from e2e.apiserver.story import Life
from matinee_operator.clients.kube import Kube
from matinee_operator.errors import NotFound
from matinee_operator.objects import Key

VERSION = "matinee.video/v1alpha1"
NAME = "tiny"
CPU = {"gpu": {"count": 0}}
MERGE = "application/merge-patch+json"
MODEL = {"source": {"uri": "builtin:tiny"}, "engine": {"family": "ltx"}}
SPECS: dict[str, dict[str, Any]] = {
    "VideoModel": {**MODEL, "warmup": {"resources": CPU}},
    "StreamingService": {"modelRef": {"name": NAME}, "replicas": 1, "resources": CPU},
    "Router": {"services": [{"name": NAME}]},
}

Step = Callable[[Kube, str, Life], Awaitable[None]]


def applied(kind: str, **changes: Any) -> Step:
    """One of the three objects, with something else than usual in its spec."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        meta = {"name": NAME, "namespace": namespace}
        spec = SPECS[kind] | changes
        await kube.apply({"apiVersion": VERSION, "kind": kind, "metadata": meta, "spec": spec})

    return step


def made(manifest: dict[str, Any], status: dict[str, Any] | None = None) -> Step:
    """Another object, with the status that a controller would give it."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        path = f"/api/v1/namespaces/{namespace}/{manifest['kind'].lower()}s"
        await kube.request("POST", path, {}, manifest)
        if status is not None:
            place = f"{path}/{manifest['metadata']['name']}/status"
            await kube.request("PATCH", place, {}, {"status": status}, MERGE)

    return step


def deleted(kind: str, name: str = "") -> Step:
    """Objects of a kind by somebody else, all of them or the named one."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        for found in await kube.list(kind, namespace):
            meta = found["metadata"]
            if name in ("", meta["name"]):
                await kube.delete(Key(kind, namespace, meta["name"]), meta["uid"])

    return step


async def namespace_deleted(kube: Kube, namespace: str, _: Life) -> None:
    await kube.request("DELETE", f"/api/v1/namespaces/{namespace}")


def pods_say(**status: Any) -> Step:
    """The kubelet or the scheduler writes this into the status of every runtime pod."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        for pod in await kube.list("Pod", namespace):
            path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
            with contextlib.suppress(NotFound):
                await kube.request("PATCH", path, {}, {"status": status}, MERGE)

    return step


def job_says(condition: str, reason: str, message: str) -> Step:
    """The Job controller ends the warm-up Job."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        kinds = {"Failed": ("FailureTarget", "Failed")}.get(condition, (condition,))
        told = {"status": "True", "reason": reason, "message": message, "lastTransitionTime": now}
        status = {"startTime": now, "conditions": [{"type": kind, **told} for kind in kinds]}
        for job in await kube.list("Job", namespace):
            path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{job['metadata']['name']}/status"
            await kube.request("PATCH", path, {}, {"status": status}, MERGE)

    return step


def job_pod_says(**status: Any) -> Step:
    """The Job controller makes the warm-up's pod, and the kubelet writes its status."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        (job,) = await kube.list("Job", namespace)
        template, name = job["spec"]["template"], job["metadata"]["name"]
        meta = {
            "name": f"{name}-x",
            "namespace": namespace,
            "labels": template["metadata"]["labels"],
        }
        await kube.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
        )
        path = f"/api/v1/namespaces/{namespace}/pods/{meta['name']}/status"
        await kube.request("PATCH", path, {}, {"status": status}, MERGE)

    return step


def later(seconds: float) -> Step:
    """Nothing happens for so long."""

    async def step(_kube: Kube, _namespace: str, life: Life) -> None:
        life.ahead += timedelta(seconds=seconds)

    return step


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    """Status of a pod whose container does not run."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [container(state, **more)]}


def container(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    known = {"name": "runtime", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    return {**known, "state": state, **more}


def ended(exit_code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    """State of a container."""
    times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z"}
    return {"terminated": {"exitCode": exit_code, "reason": reason, "message": message, **times}}


def says(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    """Status of a pod with one condition."""
    since = {"lastTransitionTime": "2026-01-01T00:00:00Z"}
    told = {"type": kind, "status": status, "reason": reason, "message": message}
    return {"phase": "Pending", "conditions": [told | since]}


def failed(reason: str, message: str) -> dict[str, Any]:
    """Status of a pod that the kubelet gave up."""
    return {"phase": "Failed", "reason": reason, "message": message}


READY = says("Ready", "True", "") | {"phase": "Running"}
OOM = ended(137, reason="OOMKilled")
TRACEBACK = "Traceback\n  x\nModelUnavailable: no folder /models/x\n"
