"""Metadata that every child has: owner, labels, and the hash of what was applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matinee_api.kinds.meta import API_VERSION, ObjectMeta
from matinee_api.kinds.resource import Resource
from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator import labels
from matinee_operator.objects import content_hash

Manifest = dict[str, Any]


def metadata(
    owner: Resource, name: str, component: str, marks: Mapping[str, str] | None = None
) -> Manifest:
    """Owned by `owner`, so that Kubernetes deletes the child with it. `marks`: more labels."""
    return {
        "name": name,
        "namespace": namespace_of(owner.metadata),
        "labels": {**(marks or {}), **own_labels(owner, component)},
        "annotations": {labels.OWNER: owner.metadata.uid or ""},
        "ownerReferences": [owner_reference(owner)],
    }


def own_labels(owner: Resource, component: str) -> dict[str, str]:
    made = {
        labels.APP_NAME: labels.APP,
        labels.COMPONENT: component,
        labels.MANAGED_BY: labels.APP,
    }
    match owner:
        case StreamingService():
            made[labels.SERVICE] = owner.metadata.name
            made[labels.MODEL] = owner.spec.model_ref.name
        case VideoModel():
            made[labels.MODEL] = owner.metadata.name
        case Router():
            made[labels.ROUTER] = owner.metadata.name
    return made


def owner_reference(owner: Resource) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": owner.kind,
        "name": owner.metadata.name,
        "uid": owner.metadata.uid or "",
        "controller": True,
    }


def namespace_of(meta: ObjectMeta) -> str:
    return meta.namespace or "default"


def stamped(manifest: Manifest) -> Manifest:
    """The manifest with its own hash, so that a field that is no longer wanted is noticed too."""
    meta = manifest["metadata"]
    stamp = {labels.APPLIED: content_hash(manifest, 16)}
    annotations = {**meta.get("annotations", {}), **stamp}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}
