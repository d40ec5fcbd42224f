"""Router: one address in front of several StreamingServices, and the pods that stand there."""

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
    SecretKeyRef,
    condition_column,
)
from matinee_api.kinds.patterns import CIDR
from matinee_api.kinds.pod import PodTemplate
from matinee_api.kinds.rules import Rule
from matinee_api.kinds.scheduling import Scheduling
from matinee_api.kinds.streamingservice import Access


class ServiceRef(ApiModel):
    """A StreamingService of the same namespace."""

    name: Name
    """Name of the StreamingService."""
    weight: int = Field(default=1, ge=1, le=1000)
    """With the strategy `Weighted`: how many sessions each of its pods gets in proportion to those
    of the others."""


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


class RouterQueue(ApiModel):
    """Viewers for whom no pod has a free slot, at each replica of the router."""

    max_waiting: int = Field(default=64, ge=0, le=100000)
    """Viewers that may be queued; more are refused and may retry."""
    longest_seconds: int = Field(default=300, ge=1, le=86400)
    """Who is queued for longer is refused and may retry."""


class KeysSecret(SecretKeyRef):
    """A Secret with bearer keys, in the same namespace."""

    key: Annotated[str, Field(min_length=1, max_length=253)] = "keys.yaml"
    """Key inside the Secret: a file as docs/router.md describes it."""


class Auth(ApiModel):
    """Who may open sessions."""

    keys_secret: KeysSecret | None = None
    """Keys that clients must have, read again when they change; unset: anybody may open sessions
    who reaches the router."""


class RouterSpec(ApiModel):
    """Desired state."""

    services: Annotated[tuple[ServiceRef, ...], Field(min_length=1, max_length=32), KeyedBy("name")]
    """StreamingServices whose ready pods take the sessions."""
    service: RouterExposure = RouterExposure()
    """The address."""
    replicas: int = Field(default=2, ge=1, le=100)
    """Pods of the router, on different nodes where that can be."""
    strategy: Literal["MostFree", "Weighted", "PrimaryFirst", "Hash"] = "MostFree"
    """Which pod gets a session. `MostFree`: the one with the most free slots and among these the
    least remaining work. `Weighted`: by the `weight` of their services. `PrimaryFirst`: those of
    the first service while they have a free slot. `Hash`: the same one for the same client."""
    queue: RouterQueue = RouterQueue()
    failover_seconds: int = Field(default=30, ge=0, le=3600)
    """How long a session whose pod was lost may take to go on at another one, where the pods share
    a store; then it ends. 0: it ends at once."""
    auth: Auth = Auth()
    access: Access = Access()
    scheduling: Scheduling = Scheduling()
    """Where the router's pods may run."""
    pod: PodTemplate = PodTemplate()
    """What is said about the router's pods."""


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
    replicas: int = 0
    """Pods of the router that exist."""
    ready_replicas: int = 0
    """Pods of the router that take viewers."""
    backends: BackendCounts = BackendCounts()
    sessions: int = 0
    """Sessions that play on all backends."""
    queued: int = 0
    """Viewers that are queued for a slot, at all replicas of the router."""
    open_to_anybody: bool = False
    """Whether there are no keys: anybody who reaches the router may open sessions."""
    conditions: Conditions = ()
    """Ready, Accepted, ResolvedRefs, EndpointsAvailable and Degraded."""


class Router(ApiModel):
    """One address in front of StreamingServices: the router's pods place, queue and forward the
    sessions of their ready pods."""

    api_version: Literal["matinee.video/v1alpha1"] = "matinee.video/v1alpha1"
    kind: Literal["Router"] = "Router"
    metadata: ObjectMeta
    spec: RouterSpec
    status: RouterStatus | None = None

    columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("URL", "string", ".status.url", "Address inside the cluster"),
        condition_column("Ready", "Ready", "A pod of the router leads to one that takes sessions"),
        PrinterColumn("Backends", "integer", ".status.backends.ready", "Pods that take sessions"),
        PrinterColumn("Sessions", "integer", ".status.sessions"),
        PrinterColumn("Queued", "integer", ".status.queued"),
        REASON,
        AGE,
    )
