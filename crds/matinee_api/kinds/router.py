"""Router: one address in front of several StreamingServices."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.meta import (
    AGE,
    REASON,
    Annotations,
    ApiModel,
    Conditions,
    KeyedBy,
    Name,
    ObjectMeta,
    PrinterColumn,
    condition_column,
)
from matinee_api.kinds.patterns import CIDR
from matinee_api.kinds.rules import Rule


class ServiceRef(ApiModel):
    """A StreamingService of the same namespace."""

    name: Name
    """Name of the StreamingService."""


class RouterExposure(ApiModel):
    """The Kubernetes Service that clients connect to."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Who can reach it: the cluster, also the nodes' ports, or also the outside."""
    port: int = Field(default=80, ge=1, le=65535)
    """Port of the address."""
    node_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the nodes; unset: the cluster picks one."""
    annotations: Annotations = Field(default_factory=dict)
    """For the cloud's load balancer."""
    load_balancer_class: Annotated[str, Field(min_length=1, max_length=317)] | None = None
    """Which load balancers are meant, such as `service.k8s.aws/nlb`; unset: the cluster's default.
    Kubernetes lets it change only together with `type`."""
    load_balancer_source_ranges: Annotated[
        tuple[Annotated[str, Field(max_length=64, pattern=CIDR)], ...], Field(max_length=64)
    ] = ()
    """From where the load balancer may be reached, such as `192.0.2.0/24`; empty: from anywhere."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.nodePort) || self.type != 'ClusterIP'",
            "is only for the types NodePort and LoadBalancer; remove it or change type",
            lambda exposure: exposure.node_port is None or exposure.type != "ClusterIP",
            "nodePort",
        ),
        Rule(
            "!has(self.loadBalancerClass) || self.type == 'LoadBalancer'",
            "is only for the type LoadBalancer; remove it or change type",
            lambda exposure: (
                exposure.load_balancer_class is None or exposure.type == "LoadBalancer"
            ),
            "loadBalancerClass",
        ),
        Rule(
            "self.loadBalancerSourceRanges.size() == 0 || self.type == 'LoadBalancer'",
            "are only for the type LoadBalancer; remove them or change type",
            lambda exposure: (
                not exposure.load_balancer_source_ranges or exposure.type == "LoadBalancer"
            ),
            "loadBalancerSourceRanges",
        ),
    )


class RouterSpec(ApiModel):
    """Desired state."""

    services: Annotated[tuple[ServiceRef, ...], Field(min_length=1, max_length=32), KeyedBy("name")]
    """StreamingServices whose ready pods take the sessions."""
    service: RouterExposure = RouterExposure()
    """The address."""


class BackendCounts(ApiModel):
    """Pods behind the address."""

    total: int = 0
    """Pods that exist."""
    ready: int = 0
    """Pods that take sessions."""
    draining: int = 0
    """Pods that only keep the sessions they have."""


class RouterStatus(ApiModel):
    """Observed state."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is about."""
    url: str | None = None
    """Where clients inside the cluster connect to."""
    backends: BackendCounts = BackendCounts()
    sessions: int = 0
    """Sessions that play on all backends."""
    queued: int = 0
    """Viewers that are queued for a slot."""
    conditions: Conditions = ()
    """Ready, Accepted, ResolvedRefs, EndpointsAvailable and Degraded."""


class Router(ApiModel):
    """One address in front of StreamingServices: its sessions go to their ready pods."""

    api_version: Literal["matinee.video/v1alpha1"] = "matinee.video/v1alpha1"
    kind: Literal["Router"] = "Router"
    metadata: ObjectMeta
    spec: RouterSpec
    status: RouterStatus | None = None

    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("URL", "string", ".status.url", "Address inside the cluster"),
        condition_column("Ready", "Ready", "The address leads to a pod that takes sessions"),
        PrinterColumn("Backends", "integer", ".status.backends.ready", "Pods that take sessions"),
        PrinterColumn("Sessions", "integer", ".status.sessions"),
        PrinterColumn("Queued", "integer", ".status.queued"),
        REASON,
        AGE,
    )
