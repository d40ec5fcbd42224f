"""A change of one object -> the keys that have to be reconciled because of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from matinee_api.kinds import conditions
from matinee_operator.objects import Key, Object, condition, key_of
from matinee_operator.observe.cache import OWN_KINDS, Cache
from matinee_operator.observe.nodes import is_leaving
from matinee_operator.observe.pods import is_without_room
from matinee_operator.observe.trimming import ready_in


def affected(cache: Cache, raw: Object, before: Object | None) -> Iterator[Key]:
    """`before`: the same object as it was known, None when it is new or when it is gone now."""
    kind = raw["kind"]
    if kind in OWN_KINDS:
        yield key_of(raw)
        if before is None or _facts(before) != _facts(raw):
            yield from _neighbours(cache, raw)
    elif kind == "Node":
        if before is None or before["spec"] != {"leaving": is_leaving(raw)}:
            yield from _services_on(cache, raw["metadata"]["name"])
    elif kind == "EndpointSlice":
        yield from _in_front_of(cache, raw, before)
    else:
        for root in sorted(cache.roots(raw) | (cache.roots(before) if before else set())):
            yield root
            yield from across(cache, root) if kind == "Pod" else ()
        if is_without_room(raw) != (before is not None and is_without_room(before)):
            yield from _models_of(cache, raw)


def _in_front_of(cache: Cache, endpoint_slice: Object, before: Object | None) -> Iterator[Key]:
    """The service whose pods it lists, if others than before."""
    if before is None or before["ready"] != ready_in(endpoint_slice):
        yield from cache.roots(endpoint_slice)


def _models_of(cache: Cache, raw: Object) -> Iterator[Key]:
    """Their warm-ups yield to pods that find no room."""
    for root in cache.roots(raw):
        service = cache.get(root) if root.kind == "StreamingService" else None
        if service is not None:
            yield Key("VideoModel", root.namespace, service["spec"]["modelRef"]["name"])


def routers_of(cache: Cache, service: Key) -> Iterator[Key]:
    """Those that stand in front of it, if it is a StreamingService."""
    if service.kind != "StreamingService":
        return
    for router in cache.of_kind("Router", service.namespace):
        if any(named["name"] == service.name for named in router["spec"]["services"]):
            yield key_of(router)


def services_of(cache: Cache, router: Key) -> Iterator[Key]:
    """Those that it stands in front of, if it is a Router."""
    raw = cache.get(router) if router.kind == "Router" else None
    for named in raw["spec"]["services"] if raw else ():
        yield Key("StreamingService", router.namespace, named["name"])


def across(cache: Cache, root: Key) -> Iterator[Key]:
    """What depends on the pods of this one besides itself: a service's Routers, and a Router's
    services."""
    yield from routers_of(cache, root)
    yield from services_of(cache, root)


def _neighbours(cache: Cache, raw: Object) -> Iterator[Key]:
    """Objects of this API that read the spec of another one."""
    name, namespace = raw["metadata"]["name"], raw["metadata"]["namespace"]
    if raw["kind"] == "StreamingService":
        yield Key("VideoModel", namespace, raw["spec"]["modelRef"]["name"])
        yield from routers_of(cache, key_of(raw))
    for service in cache.of_kind("StreamingService", namespace):
        # A Router's former services have to open their doors again, so all are asked.
        if raw["kind"] == "Router" or (
            raw["kind"] == "VideoModel" and service["spec"]["modelRef"]["name"] == name
        ):
            yield key_of(service)


def _services_on(cache: Cache, node: str) -> Iterator[Key]:
    for pod in cache.of_kind("Pod"):
        if pod["spec"].get("nodeName") == node:
            yield from (root for root in cache.roots(pod) if root.kind == "StreamingService")


def _facts(raw: Object) -> tuple[Any, ...]:
    """What other objects depend on: the spec, and of a VideoModel where its weights are and whether
    it is ready."""
    meta, status = raw["metadata"], raw.get("status") or {}
    spec = (meta.get("generation"), "deletionTimestamp" in meta)
    if raw["kind"] != "VideoModel":
        return spec
    cache = status.get("cache") or {}
    downloaded = condition(status, conditions.DOWNLOADED)
    ready = condition(status, conditions.READY)
    return (
        *spec,
        *(status.get("resolvedFrom"), status.get("resolvedRevision")),
        *(cache.get("claimName"), cache.get("folder")),
        *(downloaded.get("status"), downloaded.get("reason")),
        *(ready.get("status"), ready.get("reason")),
    )
