"""What the builders must know of the place the operator is installed in. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Monitors:
    """What the PodMonitors of the Prometheus operator say besides what to scrape."""

    labels: tuple[tuple[str, str], ...] = ()
    """What a Prometheus selects them by."""
    interval: str = ""
    """How often to scrape; empty: as Prometheus does by default."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The same for every object that is reconciled."""

    runtime_image: str
    """Image of runtime pods whose service names none."""
    image_pull_policy: str
    """Of those pods, and of those of Routers."""
    router_image: str = "matinee/router:dev"
    """Image of Routers' pods where the Router names none."""
    namespace: str = "matinee-system"
    """Of the operator itself: its pods may control those of the services."""
    cluster_domain: str = "cluster.local"
    """What the names of Services end with."""
    monitoring_namespaces: tuple[str, ...] = ()
    """From there, runtime pods' metrics are scraped."""
    monitors: Monitors | None = None
    """Of services and Routers; None: they are switched off, or the cluster has no such kind."""
    has_routes: bool = False
    """Whether the cluster has HTTPRoutes of the Gateway API."""
    propagation: timedelta = timedelta(seconds=5)
    """What kube-proxy and DNS may take to follow an EndpointSlice: for so long viewers may still be
    sent to a pod that was taken out. Also the longest time that a ready pod waits to be in one."""
