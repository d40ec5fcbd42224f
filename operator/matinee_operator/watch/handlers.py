"""kopf's side: it watches, and every event only updates the cache and enqueues keys.

kopf does not retry a failed `on.event` handler, so retries are the queue's. Children are watched
with a label selector, so that the API server sends no others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import kopf

from matinee_operator import labels
from matinee_operator.clients.kube import PATHS, Kube
from matinee_operator.observe.cache import OWN_KINDS

Seen = Callable[[bool, Mapping[str, Any]], None]
"""Called for every event: whether the object is gone, and the object."""

CHILDREN = (
    *("Pod", "Job", "ConfigMap", "PersistentVolumeClaim", "Service"),
    *("PodDisruptionBudget", "NetworkPolicy", "EndpointSlice", "Ingress"),
    *("Deployment", "ReplicaSet", "ServiceAccount", "Role", "RoleBinding"),
)
"""EndpointSlices are made for our Services, and ReplicaSets for our Deployments; they carry the
labels of these."""
OPTIONAL = ("PodMonitor", "HTTPRoute")
"""Children whose kinds may come and go, with the Prometheus operator and the Gateway API."""
CLUSTER_WIDE = ("Node",)
OURS, NOT_OURS = (f"{labels.MANAGED_BY}{sign}{labels.APP}" for sign in ("=", "!="))
KOPF_FINALIZER = "kopf: no finalizer can have this name"
"""Never set; kopf takes it off wherever it finds it, also from what is somebody else's."""
WATCH_S = 240
"""One watch request; the server ends it then and kopf opens another."""
LAST_EVENT_S = 0.1
"""So long kopf holds the last event of each object, which is twenty times what the cache keeps."""


def watched(namespaces: tuple[str, ...]) -> tuple[str, ...]:
    """Nodes belong to no namespace, so an operator of some namespaces does not see them."""
    return (*OWN_KINDS, *CHILDREN, *(() if namespaces else CLUSTER_WIDE))


def listed(namespaces: tuple[str, ...]) -> tuple[str, ...]:
    """What may come and go is not watched."""
    return (*watched(namespaces), *OPTIONAL)


def registry(
    kube: Kube, kinds: tuple[str, ...], seen: Seen, relisted: Callable[[], None]
) -> kopf.OperatorRegistry:
    """`relisted` is called for what a watch listed when it started or restarted."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    def login(**_: Any) -> kopf.ConnectionInfo:
        known = kube.credentials()
        return kopf.ConnectionInfo(
            server=known.server,
            ca_path=known.ca_path,
            token=known.token,
            certificate_path=known.certificate_path,
            private_key_path=known.private_key_path,
            proxy_url=known.proxy_url,
        )

    for kind in kinds:
        _watch(made, kind, seen, relisted)
    return made


def _watch(
    made: kopf.OperatorRegistry, kind: str, seen: Seen, relisted: Callable[[], None]
) -> None:
    group, version, plural = resource_of(kind)

    @kopf.on.event(group, version, plural, registry=made, id=f"see-{plural}")
    async def see(event: Mapping[str, Any], **_: Any) -> None:
        if event["type"] is None:
            relisted()
        seen(event["type"] == "DELETED", {**event["object"], "kind": kind})


class Oblivious(kopf.DiffBaseStorage):
    """kopf looks for what it handled before in an annotation, before any handler is called. There
    anybody can write what it cannot read, and it would then drop every event of the object."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """It handles nothing that it would remember."""


def kopf_settings(namespaces: tuple[str, ...]) -> kopf.OperatorSettings:
    made = kopf.OperatorSettings()
    made.posting.enabled = False  # events are written by `events.py`
    made.scanning.disabled = True
    made.watching.server_timeout = WATCH_S
    made.watching.client_timeout = WATCH_S + 30
    made.watching.connect_timeout = 10
    made.watching.chunk_size = 100
    made.networking.request_timeout = 30
    made.queueing.idle_timeout = LAST_EVENT_S
    made.queueing.exit_timeout = 0.5  # handlers only enqueue: there is nothing to wait for
    made.persistence.finalizer = KOPF_FINALIZER
    made.persistence.diffbase_storage = Oblivious()
    for kind in CHILDREN:
        made.watching.label_selectors[resource_of(kind)] = OURS
    return made


def resource_of(kind: str) -> tuple[str, str, str]:
    """Group (empty for Kubernetes' own first one), version and plural."""
    prefix, plural = PATHS[kind]
    parts = prefix.split("/")
    return ("" if parts[0] == "api" else parts[1], parts[-1], plural)
