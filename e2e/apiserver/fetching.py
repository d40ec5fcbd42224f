"""What a Job controller, a kubelet and a provisioner of volumes would do while weights are fetched.

`matinee fetch` is not run: what it would answer is made from what it was told.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from e2e.apiserver.scene import LONG_AGO, set_status
from matinee_api.config.load import load_text
from matinee_api.contracts.fetch import FetchConfig
from matinee_operator import labels
from matinee_operator.clients.kube import Kube
from matinee_operator.errors import AlreadyExists
from matinee_operator.objects import Key, key_of

BYTES = 2 * 1024**3
GROWING = "growing"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


async def growing_class(kube: Kube) -> None:
    """A class whose volumes can be made larger."""
    made = {"metadata": {"name": GROWING}, "provisioner": "x", "allowVolumeExpansion": True}
    with contextlib.suppress(AlreadyExists):
        await kube.request("POST", CLASSES, {}, made)


async def bind_claims(kube: Kube, namespace: str) -> None:
    """A volume is found for every claim, whose class lets it grow."""
    for claim in await kube.list("PersistentVolumeClaim", namespace):
        key = Key("PersistentVolumeClaim", namespace, claim["metadata"]["name"])
        if "volumeName" not in claim["spec"]:
            await kube.merge(key, {"spec": {"volumeName": f"volume-of-{namespace}"}})
            await set_status(kube, key, {"phase": "Bound"})


async def run_jobs(kube: Kube, namespace: str, reason: str | None = None) -> None:
    """Every Job that asks or fetches ends: well, or long ago for this reason."""
    for job in await kube.list("Job", namespace):
        verb = job["metadata"]["labels"][labels.COMPONENT]
        if verb in ("resolve", "download") and "conditions" not in job["status"]:
            await _run_pod(kube, job, reason)
            ends = [_FAILED, _FAILURE_TARGET] if reason else [_COMPLETE, _CRITERIA_MET]
            status: dict[str, Any] = {"startTime": LONG_AGO, "conditions": ends}
            status |= {"failed": 1} if reason else {"succeeded": 1, "completionTime": LONG_AGO}
            await set_status(kube, Key("Job", namespace, job["metadata"]["name"]), status)


def _condition(kind: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": "True", "lastTransitionTime": LONG_AGO, "reason": reason}


_CRITERIA_MET = _condition("SuccessCriteriaMet", "CompletionsReached")
_COMPLETE = _condition("Complete", "CompletionsReached")
_FAILURE_TARGET = _condition("FailureTarget", "PodFailurePolicy")
_FAILED = _condition("Failed", "PodFailurePolicy")


def pod_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """As the Job controller makes it."""
    template, meta = job["spec"]["template"], job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
    made = {
        "name": f"{meta['name']}-pod",
        "namespace": meta["namespace"],
        "labels": template["metadata"]["labels"],
        "ownerReferences": [{**owner, "controller": True}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template["spec"]}


async def _run_pod(kube: Kube, job: Mapping[str, Any], reason: str | None) -> None:
    pod = pod_of(job)
    key = key_of(pod)
    await kube.create(pod)
    (container,) = pod["spec"]["containers"]
    end = {
        "exitCode": 3 if reason else 0,
        "message": json.dumps({"trees": _answer(container, reason)}),
        "finishedAt": LONG_AGO,
    }
    state = {"name": container["name"], "state": {"terminated": end}, "image": "", "imageID": ""}
    told = {**state, "ready": False, "restartCount": 0}
    phase = "Failed" if reason else "Succeeded"
    await set_status(kube, key, {"phase": phase, "containerStatuses": [told]})


def _answer(container: Mapping[str, Any], reason: str | None) -> list[dict[str, Any]]:
    config = load_text(FetchConfig, container["env"][0]["value"])
    if reason:
        return [{"name": one.name, "reason": reason, "message": "told"} for one in config.trees]
    return [
        {"name": one.name, "commit": commit_of(one.revision or ""), "bytes": BYTES}
        for one in config.trees
    ]


def commit_of(revision: str) -> str:
    """A commit stands for itself."""
    return revision if len(revision) == 40 else hashlib.sha256(revision.encode()).hexdigest()[:40]
