"""What happens to objects in a row of the fault table: what a person, a kubelet, a scheduler or a
controller does. Each step is done once, and the operator settles after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from e2e.apiserver import scene
from e2e.apiserver.fetching import pod_of
from e2e.apiserver.scene import LONG_AGO, SPECS
from e2e.apiserver.story import Life
from e2e.apiserver.strangers import take
from matinee_operator.clients.kube import MERGE, Kube
from matinee_operator.errors import Refused
from matinee_operator.objects import Key, key_of

FINALIZER = "example.com/audit"
Step = Callable[[Kube, str, Life], Awaitable[None]]


def applied(kind: str, **changes: Any) -> Step:
    """One of the three objects, with something else than usual in its spec."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        await scene.apply(kube, namespace, kind, SPECS[kind] | changes)

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


def admission_policy(expression: str, message: str) -> Step:
    """A ValidatingAdmissionPolicy for new pods of the namespace, once it is in force."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        group, meta = "/apis/admissionregistration.k8s.io/v1", {"name": namespace}
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
        place = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        constraints = {"resourceRules": [{**rule, "operations": ["CREATE"]}]}
        policy = {
            "matchConstraints": {**constraints, "namespaceSelector": place},
            "validations": [{"expression": expression, "message": message}],
        }
        binding = {"policyName": namespace, "validationActions": ["Deny"]}
        for plural, spec in (("policies", policy), ("policybindings", binding)):
            path = f"{group}/validatingadmission{plural}"
            await kube.request("POST", path, {}, {"metadata": meta, "spec": spec})
        await _until_it_refuses(kube, namespace)

    return step


async def _until_it_refuses(kube: Kube, namespace: str) -> None:
    path, spec = (
        f"/api/v1/namespaces/{namespace}/pods",
        {"containers": [{"name": "x", "image": "x"}]},
    )
    for _ in range(10_000):  # of requests: each takes milliseconds
        try:
            await kube.request(
                "POST", path, {"dryRun": "All"}, {"metadata": {"name": "x"}, "spec": spec}
            )
        except Refused:
            return
    raise AssertionError("nothing is refused")


def taken(kind: str, name: str = "", **meta: Any) -> Step:
    """Somebody else's objects have the names of those of a kind, or of the named one."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        for found in await kube.list(kind, namespace):
            if name in ("", found["metadata"]["name"]):
                await take(kube, key_of(found), **meta)

    return step


def edited(kind: str, **meta: Any) -> Step:
    """Somebody merges this into the metadata of all objects of a kind."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        for found in await kube.list(kind, namespace):
            await kube.merge(key_of(found), {"metadata": meta})

    return step


def deleted(kind: str, name: str = "") -> Step:
    """Objects of a kind by somebody else, all of them or the named one."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        for found in await kube.list(kind, namespace):
            meta = found["metadata"]
            if name in ("", meta["name"]):
                await kube.delete(Key(kind, namespace, meta["name"]), meta["uid"])

    return step


def held(kind: str) -> Step:
    """Somebody deletes all objects of a kind, and a finalizer of somebody else holds them."""

    async def step(kube: Kube, namespace: str, life: Life) -> None:
        await edited(kind, finalizers=[FINALIZER])(kube, namespace, life)
        await deleted(kind)(kube, namespace, life)

    return step


async def namespace_deleted(kube: Kube, namespace: str, _: Life) -> None:
    await kube.request("DELETE", f"/api/v1/namespaces/{namespace}")


def pods_say(**status: Any) -> Step:
    async def step(kube: Kube, namespace: str, _: Life) -> None:
        await scene.pods_say(kube, namespace, status)

    return step


def job_says(condition: str, reason: str, message: str) -> Step:
    """The Job controller ends the warm-up Jobs that have not ended."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        kinds = {"Failed": ("FailureTarget", "Failed")}.get(condition, (condition,))
        told = {"status": "True", "reason": reason, "message": message, "lastTransitionTime": now}
        status = {"startTime": now, "conditions": [{"type": kind, **told} for kind in kinds]}
        for job in await kube.list("Job", namespace):
            if "conditions" not in job["status"]:
                await scene.set_status(kube, key_of(job), status)

    return step


def job_pod_says(**status: Any) -> Step:
    """The Job controller makes the warm-up's pod, and the kubelet writes its status."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        (job,) = await kube.list("Job", namespace)
        pod = pod_of(job)
        await kube.create(pod)
        await scene.set_status(kube, key_of(pod), status)

    return step


def router_pods_say(**status: Any) -> Step:
    """The controllers make a pod of the Router, and the kubelet writes its status."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        (deployment,) = await kube.list("Deployment", namespace)
        made = _child("ReplicaSet", deployment)
        await kube.create(made)
        pod = _child("Pod", await kube.get(key_of(made)))
        await kube.create(pod)
        await scene.set_status(kube, key_of(pod), status)

    return step


def _child(kind: str, parent: dict[str, Any]) -> dict[str, Any]:
    """As the controller of its parent makes it."""
    meta, spec = parent["metadata"], parent["spec"]
    owner = {key: parent[key] for key in ("apiVersion", "kind")}
    owner |= {"name": meta["name"], "uid": meta["uid"], "controller": True}
    version = "apps/v1" if kind == "ReplicaSet" else "v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": f"{meta['name']}-x",
            "namespace": meta["namespace"],
            "labels": spec["template"]["metadata"]["labels"],
            "ownerReferences": [owner],
        },
        "spec": {key: spec[key] for key in ("selector", "template")}
        if kind == "ReplicaSet"
        else spec["template"]["spec"],
    }


def deployment_says(condition: str, message: str) -> Step:
    """The Deployment controller, of the Router's."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        (found,) = await kube.list("Deployment", namespace)
        told = {"type": condition, "status": "True", "reason": "FailedCreate", "message": message}
        await scene.set_status(kube, key_of(found), {"conditions": [told]})

    return step


def job_is_refused_pods(why: str) -> Step:
    """The Job controller says so, as it does: in an Event."""

    async def step(kube: Kube, namespace: str, _: Life) -> None:
        (job,) = await kube.list("Job", namespace)
        about = {"kind": "Job", "namespace": namespace, "uid": job["metadata"]["uid"]}
        meta = {"name": "refused", "namespace": namespace}
        event = {"apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": about}
        await kube.create({**event, "reason": "FailedCreate", "message": why, "type": "Warning"})

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
    times = {"startedAt": LONG_AGO, "finishedAt": "2026-01-01T00:00:05Z"}
    return {"terminated": {"exitCode": exit_code, "reason": reason, "message": message, **times}}


def says(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    """Status of a pod with one condition."""
    since = {"lastTransitionTime": LONG_AGO}
    told = {"type": kind, "status": status, "reason": reason, "message": message}
    return {"phase": "Pending", "conditions": [told | since]}


def failed(reason: str, message: str) -> dict[str, Any]:
    """Status of a pod that the kubelet gave up."""
    return {"phase": "Failed", "reason": reason, "message": message}


OOM = ended(137, reason="OOMKilled")
WORKERS_FAILED = (
    '{"level": "error", "message": "worker 0: ..."}\n'
    "matinee: the worker process was killed by SIGKILL; it failed 6 times within 10 minutes\n"
)
"""The end of a runtime's log when all its workers have failed."""
TRACEBACK = "Traceback\n  x\nModelUnavailable: no folder /models/x\n"
