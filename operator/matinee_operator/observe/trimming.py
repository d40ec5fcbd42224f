"""An object as the API server gives it -> what is kept of it in memory. There are thousands, so
nothing is kept that nobody reads, and what many of them say is kept once. Pure.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from matinee_api.contracts.revisions import SPEC_FILE
from matinee_operator import labels
from matinee_operator.objects import Object, content_hash
from matinee_operator.observe.nodes import is_leaving

_META = (
    *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("deletionTimestamp", "labels", "annotations", "finalizers", "ownerReferences"),
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation: the whole object once more."""
_POD_STATUS = (
    *("phase", "reason", "message", "podIP"),
    *("conditions", "containerStatuses", "initContainerStatuses"),
)
_CONDITION = ("type", "status", "reason", "message", "lastTransitionTime")
_CONTAINER = ("name", "image", "state", "lastState", "restartCount")
_SHARED_CHARACTERS = 24
"""Longer texts are names and uids, and those of one object only."""


def trimmed(raw: Object) -> Object:
    """Without what nobody reads: of pods nearly all, of everything the managed fields."""
    kept = {**raw, "metadata": _trimmed_metadata(raw["metadata"])}
    if raw["kind"] == "Pod":
        kept["spec"] = _trimmed_pod(raw.get("spec", {}))
        kept["status"] = _trimmed_status(raw.get("status", {}))
    elif raw["kind"] == "Node":
        kept["spec"] = {"leaving": is_leaving(raw)}
        kept.pop("status", None)
    elif raw["kind"] == "Job":
        kept.pop("spec", None)
    elif raw["kind"] == "ConfigMap":
        kept["data"] = trimmed_data(raw.get("data") or {})
    shared: Object = _shared(kept)
    return shared


def trimmed_data(data: Mapping[str, str]) -> dict[str, str]:
    """The spec of a revision is for others to read; only that it is the same is of interest."""
    return {k: content_hash(text, 64) if k == SPEC_FILE else text for k, text in data.items()}


def _trimmed_metadata(meta: Object) -> dict[str, Any]:
    kept = _only(meta, _META)
    if _LAST_APPLIED in (kept.get("annotations") or {}):
        others = {k: text for k, text in kept["annotations"].items() if k != _LAST_APPLIED}
        kept["annotations"] = others
    return kept


def _trimmed_pod(spec: Object) -> Object:
    """Its node, and what nobody can edit: its configuration and where it is controlled."""
    kept: dict[str, Any] = {"nodeName": spec["nodeName"]} if "nodeName" in spec else {}
    kept["volumes"] = [one for one in spec.get("volumes", ()) if one["name"] == labels.CONFIG]
    ports = [port for one in spec.get("containers", ()) for port in one.get("ports", ())]
    control = [port for port in ports if port.get("name") == labels.CONTROL]
    kept["containers"] = [{"ports": control}] if control else []
    return {name: value for name, value in kept.items() if value}


def _trimmed_status(status: Object) -> Object:
    kept = _only(status, _POD_STATUS)
    for name in ("containerStatuses", "initContainerStatuses"):
        if name in kept:
            kept[name] = [_only(one, _CONTAINER) for one in kept[name]]
    if "conditions" in kept:
        kept["conditions"] = [_only(one, _CONDITION) for one in kept["conditions"]]
    return kept


def _only(value: Object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}


def _shared(value: Any) -> Any:
    """The same, with one copy of each key and of each short text for all objects."""
    if isinstance(value, str):
        return sys.intern(value) if len(value) <= _SHARED_CHARACTERS else value
    if isinstance(value, Mapping):
        return {sys.intern(name): _shared(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shared(inner) for inner in value]
    return value
