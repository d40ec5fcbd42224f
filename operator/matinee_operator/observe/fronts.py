"""Who sends viewers to a service's pods: its Service, through EndpointSlices, and its Routers.
Reads only.

A Router's pods say to which pods they give new sessions. Each counts while it is ready and was
heard lately: one that is gone, or that nobody can reach, holds nothing up for long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from matinee_api.contracts.pod_http import RouterState
from matinee_operator.objects import Key, Object
from matinee_operator.observe.cache import Cache
from matinee_operator.observe.router_pods import RouterPod, config_of, pods_of_router, router_pod


class HeardRouters(Protocol):
    """The last line of a router's feed, by the pod's uid."""

    def router(self, uid: str) -> RouterState | None: ...


@dataclass(frozen=True, slots=True)
class Front:
    """Of one service. `endpoints`: uids of the pods in its EndpointSlices, which every proxy and
    every DNS server follows. `tables`: each live router, and the names of the pods it knows."""

    endpoints: set[str]
    tables: Mapping[str, frozenset[str]]

    def lists(self, pod: Object) -> Iterator[bool]:
        """Of each of them, whether it sends viewers there."""
        yield pod["metadata"]["uid"] in self.endpoints
        yield from (pod["metadata"]["name"] in known for known in self.tables.values())

    def unaware(self, pod: Object) -> tuple[str, ...]:
        """The live routers that do not send viewers there."""
        name = pod["metadata"]["name"]
        return tuple(sorted(router for router, known in self.tables.items() if name not in known))


@dataclass(frozen=True, slots=True)
class Fronts:
    cache: Cache
    heard: HeardRouters

    def of(self, service: Key, routers: Iterable[str] | None = None) -> Front:
        """`routers`: of these only, else of all that name it."""
        names = self.routers_of(service) if routers is None else routers
        children = self.cache.children(service)
        own = {key.name for key in children if key.kind == "Pod"}
        tables = {
            pod.name: frozenset(pod.state.backends)
            for name in names
            for pod in self.pods(Key("Router", service.namespace, name))
            if pod.ready and pod.state and (pod.current or not own.isdisjoint(pod.state.backends))
        }
        return Front(self.cache.endpoints(service), tables)

    def routers_of(self, service: Key) -> list[str]:
        return sorted(
            str(raw["metadata"]["name"])
            for raw in self.cache.of_kind("Router", service.namespace)
            if any(named["name"] == service.name for named in raw["spec"]["services"])
        )

    def waiting_for(self, service: Key) -> int:
        """Of the viewers at each of its Routers every service of that one is to take a share."""
        waiting = 0
        for name in self.routers_of(service):
            router = Key("Router", service.namespace, name)
            queued = sum(one.state.queued for one in self.pods(router) if one.state)
            raw = self.cache.get(router)
            waiting += -(-queued // len(raw["spec"]["services"])) if raw else 0
        return waiting

    def pods(self, router: Key) -> tuple[RouterPod, ...]:
        """Its own, which are those of its Deployment."""
        children, raw = self.cache.children(router), self.cache.get(router)
        uid = str(raw["metadata"].get("uid", "")) if raw else ""
        config = config_of(children, uid)
        return tuple(
            router_pod(one, self.heard.router(one["metadata"]["uid"]), config)
            for one in pods_of_router(children, uid)
        )
