"""A Router's own pods: those of the ReplicaSets of its Deployment. Pure.

They are sent the token of the namespace's Routers, so labels are not enough to be one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from matinee_api.contracts.pod_http import RouterState
from matinee_operator import labels
from matinee_operator.objects import Address, Key, Object, condition
from matinee_operator.observe.pod_trouble import Trouble, pod_trouble
from matinee_operator.observe.pods import listening_at
from matinee_operator.ownership import controller_of


@dataclass(frozen=True, slots=True)
class RouterPod:
    """One of them. `state` is None while it is not heard."""

    name: str
    uid: str
    address: Address | None
    ready: bool
    trouble: Trouble | None = None
    state: RouterState | None = None
    current: bool = True
    """Of the configuration that the Router's pods have now. Another one may not name a service
    that was added since, and is about to go."""


def pods_of_router(children: Mapping[Key, Object], router_uid: str) -> Iterator[Object]:
    """`children`: all that hints at the Router."""
    deployments = _uids(children, "Deployment", {router_uid})
    pods = _owned(children, "Pod", _uids(children, "ReplicaSet", deployments))
    yield from (raw for raw in pods if "deletionTimestamp" not in raw["metadata"])


def config_of(children: Mapping[Key, Object], router_uid: str) -> str | None:
    """Hash of the configuration that its Deployment gives pods; None: there is no Deployment."""
    for raw in _owned(children, "Deployment", {router_uid}):
        template = raw.get("spec", {}).get("template", {})
        return _config(template)
    return None


def router_pod(raw: Object, state: RouterState | None, config: str | None = None) -> RouterPod:
    """`config`: hash of the configuration that pods are given now; None: it is not known."""
    ready = condition(raw.get("status", {}), "Ready").get("status") == "True"
    return RouterPod(
        name=raw["metadata"]["name"],
        uid=raw["metadata"]["uid"],
        address=_address(raw),
        ready=ready,
        trouble=None if ready else pod_trouble(raw),
        state=state,
        current=config in (None, _config(raw)),
    )


def _address(raw: Object) -> Address | None:
    """Another pod of the same Router may serve plainly: it was made before the Router had TLS."""
    found, notes = listening_at(raw), raw["metadata"].get("annotations") or {}
    serves_tls = notes.get(labels.SCHEME) == "https"
    return found._replace(scheme="https") if found and serves_tls else found


def _config(raw: Object) -> str | None:
    found: str | None = (raw.get("metadata", {}).get("annotations") or {}).get(labels.CONFIG_HASH)
    return found


def _uids(children: Mapping[Key, Object], kind: str, owners: set[str]) -> set[str]:
    return {str(raw["metadata"]["uid"]) for raw in _owned(children, kind, owners)}


def _owned(children: Mapping[Key, Object], kind: str, owners: set[str]) -> Iterator[Object]:
    for key, raw in children.items():
        if key.kind == kind and (controller_of(raw) or {}).get("uid") in owners:
            yield raw
