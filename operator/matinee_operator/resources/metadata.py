"""Metadata that every child has: owner, labels, and the hash of what was applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matinee_api.meta import API_VERSION, ObjectMeta
from matinee_api.resources import Resource
from matinee_api.router import Router
from matinee_api.streamingservice import StreamingService
from matinee_api.videomodel import VideoModel
from matinee_operator import names

Manifest = dict[str, Any]


def metadata(
    owner: Resource, name: str, component: str, labels: Mapping[str, str] | None = None
) -> Manifest:
    """Owned by `owner`, so that Kubernetes deletes the child with it."""
    return {
        "name": name,
        "namespace": namespace_of(owner.metadata),
        "labels": {**(labels or {}), **own_labels(owner, component)},
        "ownerReferences": [owner_reference(owner)],
    }


def own_labels(owner: Resource, component: str) -> dict[str, str]:
    made = {
        names.APP_NAME: names.APP,
        names.COMPONENT: component,
        names.MANAGED_BY: names.APP,
    }
    match owner:
        case StreamingService():
            made[names.SERVICE] = owner.metadata.name
            made[names.MODEL] = owner.spec.model_ref.name
        case VideoModel():
            made[names.MODEL] = owner.metadata.name
        case Router():
            made[names.ROUTER] = owner.metadata.name
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
    stamp = {names.APPLIED: names.content_hash(manifest, 16)}
    annotations = {**meta.get("annotations", {}), **stamp}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}
