"""Where pods find a model's weights, or why they are nowhere yet. Pure.

Read from the spec and the status alone: what Jobs find out is in the status before anything is
built on it, so that it outlives them. While other weights are fetched, the previous ones stay in
use.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from matinee_api.kinds import conditions
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.weights.trees import WEIGHTS_FOLDER, Pin, Tree, claim_and_path, trees_of


@dataclass(frozen=True, slots=True)
class Weights:
    """Pods can load them."""

    path: str | None = None
    """The folder in a pod; None: the runtime finds them by itself."""
    claim: str | None = None
    """The claim that they lie on."""
    fetched: Tree | None = None
    """What each pod fetches at its start."""


def weights_of(model: VideoModel) -> Weights | None:
    """None: there are none yet."""
    source, status = model.spec.source, model.status
    if source.scheme in ("builtin", "file"):
        return Weights()
    if status is None or status.resolved_from is None:
        return None
    if source.scheme == "pvc":
        claim, path = claim_and_path(source)
        return Weights(path, claim)
    if model.spec.cache.type == "None":
        # The pin in the status is in use until there is another one.
        pin = Pin(status.resolved_revision, status.size_bytes or 0)
        tree = dataclasses.replace(trees_of(model)[0], pin=pin)
        return Weights(f"{WEIGHTS_FOLDER}/{tree.folder}", fetched=tree)
    if status.cache and status.cache.folder:
        return Weights(f"{WEIGHTS_FOLDER}/{status.cache.folder}", status.cache.claim_name)
    return None


def why_missing(model: VideoModel) -> Trouble:
    """For services that wait. `Downloading` is no failure."""
    if trouble := unsupported(model):
        return trouble
    before = model.status.conditions if model.status else ()
    known = next((one for one in before if one.type == conditions.DOWNLOADED), None)
    if known is None or known.status == "True" or known.reason == conditions.DOWNLOADING:
        return Trouble(conditions.DOWNLOADING, "its weights are being fetched")
    return Trouble(known.reason, known.message)


def unsupported(model: VideoModel) -> Trouble | None:
    scheme = model.spec.source.scheme
    if scheme != "oci":
        return None
    message = (
        f"this release cannot fetch from {scheme}: put the weights in a bucket and use s3://, or "
        "on a claim and use pvc://"
    )
    return Trouble(conditions.SOURCE_UNSUPPORTED, message)
