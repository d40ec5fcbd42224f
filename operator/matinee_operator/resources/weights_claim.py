"""The PersistentVolumeClaim of a model's cache, where the model names none that exists."""

from __future__ import annotations

from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.resources.metadata import Manifest, metadata

MEBIBYTE = 1024**2


def claim_name(model: VideoModel) -> str:
    return model.spec.cache.claim.claim_name or own_claim_name(model)


def own_claim_name(model: VideoModel) -> str:
    return f"{model.metadata.name}-weights"


def weights_claim(model: VideoModel, size_bytes: int) -> Manifest:
    """Owned by the model: it goes with it."""
    wanted = model.spec.cache.claim
    spec: Manifest = {
        "accessModes": [wanted.access_mode],
        "resources": {"requests": {"storage": f"{-(-size_bytes // MEBIBYTE)}Mi"}},
    }
    if wanted.storage_class_name:
        spec["storageClassName"] = wanted.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(model, own_claim_name(model), "weights"),
        "spec": spec,
    }
