"""What is kept of an object: what some code reads, and no more. Pure.

There are thousands of objects, and as the API server sends them they take six times the memory.
Names and short texts are the same in many of them, so each is kept once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from matinee_api.contracts.revisions import SPEC_FILE
from matinee_operator import labels
from matinee_operator.objects import Object, content_hash
from matinee_operator.observe.nodes import is_leaving

SHARED_CHARACTERS = 64
"""Longer texts are nowhere the same."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""A second copy of the object."""
_META = (
    *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("deletionTimestamp", "labels", "annotations", "finalizers", "ownerReferences"),
)
_POD_STATUS = ("phase", "reason", "message", "podIP")
_CONDITION = ("type", "status", "reason", "message", "lastTransitionTime")
_OF_A_ROUTE = ("type", "status", "reason", "message", "observedGeneration")
_CONTAINER = ("name", "image", "state", "lastState", "restartCount")
_WITHOUT_STATUS = (
    *("Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor", "Node", "ReplicaSet"),
    "Ingress",
)


def trimmed(raw: Object) -> Object:
    """Of what is not of this API the fields that are read; of everything no managed fields."""
    kept = {**raw, "metadata": _trimmed_meta(raw["metadata"])}
    kind = raw["kind"]
    if kind == "Pod":
        kept["spec"] = _trimmed_pod(raw.get("spec", {}))
        kept["status"] = _trimmed_status(raw.get("status") or {})
    elif kind == "HTTPRoute":
        kept["status"] = _trimmed_route(raw.get("status") or {})
    elif kind == "Node":
        kept["spec"] = {"leaving": is_leaving(raw)}
    elif kind == "EndpointSlice":
        kept = {"kind": kind, "metadata": kept["metadata"], "ready": ready_in(raw)}
    elif kind in ("Job", "ReplicaSet"):
        kept.pop("spec", None)
    elif kind == "ConfigMap":
        kept["data"] = trimmed_data(raw.get("data") or {})
    if kind in _WITHOUT_STATUS:
        kept.pop("status", None)
    shared: Object = _shared(kept)
    return shared


def trimmed_data(data: Mapping[str, str]) -> dict[str, str]:
    """The spec of a revision is for others to read; only that it is the same is of interest."""
    return {k: content_hash(text, 64) if k == SPEC_FILE else text for k, text in data.items()}


def ready_in(endpoint_slice: Object) -> list[str]:
    """Uids of the pods that new connections are sent to."""
    endpoints = endpoint_slice.get("endpoints") or ()
    ready = (one for one in endpoints if (one.get("conditions") or {}).get("ready") is not False)
    return sorted(uid for one in ready if (uid := (one.get("targetRef") or {}).get("uid")))


def _trimmed_meta(meta: Object) -> Object:
    kept = _only(meta, _META)
    if LAST_APPLIED in (kept.get("annotations") or {}):
        kept["annotations"] = {k: v for k, v in kept["annotations"].items() if k != LAST_APPLIED}
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
    for part, fields in (
        ("conditions", _CONDITION),
        ("initContainerStatuses", _CONTAINER),
        ("containerStatuses", _CONTAINER),
    ):
        if status.get(part):
            kept[part] = [_only(one, fields) for one in status[part]]
    return kept


def _trimmed_route(status: Object) -> Object:
    """What each Gateway says of it."""
    parents = [
        {
            "parentRef": one.get("parentRef") or {},
            "conditions": [_only(each, _OF_A_ROUTE) for each in one.get("conditions") or ()],
        }
        for one in status.get("parents") or ()
    ]
    return {"parents": parents} if parents else {}


def _only(value: Object, fields: Iterable[str]) -> dict[str, Any]:
    """Of these fields those that say something."""
    return {name: value[name] for name in fields if value.get(name) not in (None, {}, "")}


def _shared(value: Any) -> Any:
    """The same value, of texts that others have too."""
    if isinstance(value, str):
        return sys.intern(value) if len(value) <= SHARED_CHARACTERS else value
    if isinstance(value, Mapping):
        return {sys.intern(name): _shared(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_shared(one) for one in value]
    return value
