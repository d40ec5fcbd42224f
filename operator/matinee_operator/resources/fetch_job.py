"""The Jobs that resolve a model's sources (`resolve`) and fetch them into the cache (`download`).

A name carries a hash of all that the Job is made from, and the number of the attempt: a Job cannot
be changed, so another one takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matinee_api.contracts.fetch import GIVE_UP, FetchConfig
from matinee_api.contracts.pod_http import PORT
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.installation import Installation
from matinee_operator.objects import content_hash
from matinee_operator.resources.devices import Fitting
from matinee_operator.resources.fetch_container import (
    CONTAINER,
    FETCHING,
    RESOLVING,
    fetch_container,
    secret_volumes,
)
from matinee_operator.resources.metadata import Manifest, metadata, own_labels
from matinee_operator.resources.pod_spec import base_spec
from matinee_operator.resources.pod_template import extra_volumes, with_metadata
from matinee_operator.weights.trees import (
    WEIGHTS_FOLDER,
    Tree,
    claim_and_path,
    to_fetch,
    to_resolve,
)

RETRIES = 3
"""Pods of one Job, a few seconds apart. Between Jobs the pauses are minutes."""


def resolve_job(model: VideoModel, trees: Sequence[Tree], installation: Installation) -> Manifest:
    config = FetchConfig(
        trees=tuple(to_resolve(tree) for tree in trees), family=model.spec.engine.family
    )
    claims = [claim_and_path(tree.source)[0] for tree in trees if tree.source.scheme == "pvc"]
    volumes = [_TMP, *(_claim_volume(claim, read_only=True) for claim in claims)]
    mounts = [{"name": "weights", "mountPath": WEIGHTS_FOLDER, "readOnly": True} for _ in claims]
    container = _container(model, config, trees, installation, RESOLVING, mounts)
    container["args"] = ["--resolve"]
    return _job(model, "resolve", trees, container, volumes)


def download_job(
    model: VideoModel, trees: Sequence[Tree], installation: Installation, claim: str, facts: Any
) -> Manifest:
    """Of pinned trees. `facts`: what else asks for another Job when it changes."""
    config = FetchConfig(
        trees=tuple(to_fetch(tree) for tree in trees),
        family=model.spec.engine.family,
        host="::",  # every address of the pod, where the operator asks
        port=PORT,
    )
    mounts = [{"name": "weights", "mountPath": WEIGHTS_FOLDER}]
    container = _container(model, config, trees, installation, FETCHING, mounts)
    container["ports"] = [{"name": "http", "containerPort": PORT}]
    volumes = [_TMP, _claim_volume(claim, read_only=False)]
    return _job(model, "download", trees, container, volumes, facts)


def attempted(job: Manifest, attempt: int) -> Manifest:
    """The Job under the name of its n-th attempt, from 0."""
    meta = job["metadata"]
    return {**job, "metadata": {**meta, "name": f"{meta['name']}-{attempt}"}}


def _container(
    model: VideoModel,
    config: FetchConfig,
    trees: Sequence[Tree],
    installation: Installation,
    usual: Fitting,
    mounts: list[Manifest],
) -> Manifest:
    return fetch_container(config, trees, model.spec.pod, installation, usual, mounts)


def _job(
    model: VideoModel,
    verb: str,
    trees: Sequence[Tree],
    container: Manifest,
    volumes: list[Manifest],
    facts: Any = None,
) -> Manifest:
    said = model.spec.pod
    template = {
        "metadata": with_metadata(said, {"labels": own_labels(model, verb)}),
        "spec": {
            **base_spec(said, model.spec.scheduling),
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [*volumes, *secret_volumes(trees, said), *extra_volumes(said)],
        },
    }
    name = f"{model.metadata.name}-{verb}-{content_hash([template, facts])}"
    wanted = {"backoffLimit": RETRIES, "podFailurePolicy": _FAILURES, "template": template}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": with_metadata(said, metadata(model, name, verb)),
        "spec": wanted,
    }


_FAILURES: Manifest = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailJob",
            "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": [GIVE_UP]},
        },
    ]
}
"""A pod that was evicted does not count; one that only a person can help ends the Job."""


_TMP: Manifest = {"name": "tmp", "emptyDir": {}}


def _claim_volume(claim: str, *, read_only: bool) -> Manifest:
    source: Manifest = {"claimName": claim}
    if read_only:
        source["readOnly"] = True
    return {"name": "weights", "persistentVolumeClaim": source}
