"""VideoModels whose sources are asked and fetched, and what became of the Jobs that do it."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.fetching.attempts import Step, fetching
from matinee_operator.objects import Key
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.resources.fetch_job import attempted
from matinee_operator.resources.weights_claim import weights_claim
from tests.unit.operator.making import INSTALLATION, NOW, model, model_status_of

HUB = {"uri": "hf://org/LTX-Video", "revision": "main"}
COMMIT = "c" * 40
FOLDER = "ltx-video-4854462bc6ac"
"""Of the hub's model at that commit."""
CLAIM = Key("PersistentVolumeClaim", "demo", "tiny-weights")
GIGABYTE = 10**9


def hub_model(**spec: Any) -> VideoModel:
    return model(**({"source": HUB} | spec))


def given(asked: VideoModel, **facts: Any) -> ModelSnapshot:
    return ModelSnapshot(now=NOW, model=asked, installation=INSTALLATION, **facts)


def found(name: str = "model", size: int = 9 * GIGABYTE, commit: str | None = COMMIT) -> Any:
    return {"name": name, "commit": commit, "bytes": size}


def refused(name: str = "model", reason: str = "SourceDenied", message: str = "no") -> Any:
    return {"name": name, "reason": reason, "message": message}


def step(snapshot: ModelSnapshot, verb: str) -> Step:
    known = fetching(snapshot)
    wanted = known.resolve if verb == "resolve" else known.download
    assert wanted is not None
    return wanted


def tried(
    snapshot: ModelSnapshot,
    verb: str,
    *trees: Any,
    condition: str = "Complete",
    attempt: int = 0,
    at: datetime = NOW,
) -> ModelSnapshot:
    """The Job has run, and its pod said this of each tree; without a condition it runs still."""
    job = attempted(step(snapshot, verb).manifest, attempt)
    meta = {**job["metadata"], "uid": f"uid-of-{job['metadata']['name']}"}
    told = {"type": condition, "status": "True", "lastTransitionTime": at.isoformat()}
    stored = {"metadata": meta, "status": {"conditions": [told] if condition else []}}
    pod_meta = {"uid": "u", "ownerReferences": [{"uid": meta["uid"], "controller": True}]}
    message = json.dumps({"trees": trees})
    end = {"exitCode": 0 if condition == "Complete" else 3, "message": message}
    status = {"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": end}}]}
    pods = [{"metadata": pod_meta, "status": status}] if trees else []
    key = Key("Job", "demo", meta["name"])
    return dataclasses.replace(
        snapshot,
        children={**snapshot.children, key: stored},
        job_pods=(*snapshot.job_pods, *pods),
    )


def with_claim(
    snapshot: ModelSnapshot, size: str = "10000Mi", phase: str = "Bound"
) -> ModelSnapshot:
    manifest = weights_claim(snapshot.model, 1)
    manifest["metadata"]["uid"] = "uid-of-claim"
    manifest["spec"]["resources"]["requests"]["storage"] = size
    manifest["status"] = {"phase": phase}
    return dataclasses.replace(snapshot, children={**snapshot.children, CLAIM: manifest})


def noted(snapshot: ModelSnapshot) -> ModelSnapshot:
    """With the status that was written; the Jobs and their pods are gone."""
    asked = snapshot.model.model_copy(update={"status": model_status_of(snapshot)})
    kept = {key: raw for key, raw in snapshot.children.items() if key.kind != "Job"}
    return dataclasses.replace(snapshot, model=asked, children=kept, job_pods=())


def changed(snapshot: ModelSnapshot, **spec: Any) -> ModelSnapshot:
    """The same object with another spec."""
    asked = snapshot.model.model_copy(update={"spec": hub_model(**spec).spec})
    return dataclasses.replace(snapshot, model=asked)


def resolved_model(**spec: Any) -> ModelSnapshot:
    """Its source has been asked."""
    return noted(tried(given(hub_model(**spec)), "resolve", found()))


def downloaded_model(**spec: Any) -> ModelSnapshot:
    """Its weights are on its own claim."""
    return noted(tried(with_claim(resolved_model(**spec)), "download", found()))
