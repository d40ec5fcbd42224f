"""Router: one address in front of several StreamingServices, and the pods that stand there."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.environment import STORE_VARIABLE
from matinee_api.kinds.exposure import RouterExposure, RouterIngress, RouterRoute, SecretRef
from matinee_api.kinds.jobs import UrlSecret
from matinee_api.kinds.low_demand import LowDemand
from matinee_api.kinds.meta import (
    AGE,
    REASON,
    ApiModel,
    Conditions,
    KeyedBy,
    Name,
    ObjectMeta,
    PrinterColumn,
    SecretKeyRef,
    condition_column,
)
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


class RouterQueue(ApiModel):
    """Viewers for whom no pod has a free slot: at each replica of the router, or at all of them
    where they share a `store`."""

    max_waiting: int = Field(default=64, ge=0, le=100000)
    """Viewers that may be queued; more are refused and may retry."""
    longest_seconds: int = Field(default=300, ge=1, le=86400)
    """Who is queued for longer is refused and may retry."""


class RouterStore(ApiModel):
    """A Redis or Valkey server that all replicas of the router share: then they have one queue, and
    a key allows so many sessions at all of them together."""

    url_secret: UrlSecret
    """Where the server's URL is, such as `rediss://:PASSWORD@HOST:6379`. It may be the one that
    keeps the services' sessions."""


class RouterAutoscaling(ApiModel):
    """Pods of the router by its sessions, those that are queued among them."""

    min_replicas: int = Field(default=2, ge=1, le=100)
    """Fewest pods."""
    max_replicas: int = Field(ge=1, le=100)
    """Most pods."""
    sessions_per_replica: int = Field(default=200, ge=1, le=8192)
    """Sessions that one pod is to have on the average."""
    scale_down_stabilization_seconds: int = Field(default=600, ge=0, le=86400)
    """How long demand must stay low before a pod is removed: its viewers have to come back with
    their tokens."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "must not be more than maxReplicas",
            lambda scaling: scaling.min_replicas <= scaling.max_replicas,
            "minReplicas",
        ),
    )


class KeysSecret(SecretKeyRef):
    """A Secret with bearer keys, in the same namespace."""

    key: Annotated[str, Field(min_length=1, max_length=253)] = "keys.yaml"
    """Key inside the Secret: a file as docs/router.md describes it."""


class RouterTls(ApiModel):
    """The router serves `https:` and `wss:` itself, on the same port."""

    secret_ref: SecretRef
    """A Secret of the type `kubernetes.io/tls`, with `tls.crt` and `tls.key`, such as cert-manager
    makes. A renewed certificate is used within a minute, without a restart."""


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
    ingress: RouterIngress | None = None
    http_route: RouterRoute | None = None
    replicas: int = Field(default=2, ge=1, le=100)
    """Pods of the router, on different nodes where that can be. `autoscaling` does not read it."""
    autoscaling: RouterAutoscaling | None = None
    strategy: Literal["MostFree", "Weighted", "PrimaryFirst", "Hash"] = "MostFree"
    """Which pod gets a session. `MostFree`: the one with the most free slots and among these the
    least remaining work. `Weighted`: by the `weight` of their services. `PrimaryFirst`: those of
    the first service while they have a free slot. `Hash`: the same one for the same client."""
    queue: RouterQueue = RouterQueue()
    store: RouterStore | None = None
    failover_seconds: int = Field(default=30, ge=0, le=3600)
    """How long a session whose pod was lost may take to go on at another one, where the pods share
    a store; then it ends. 0: it ends at once."""
    auth: Auth = Auth()
    tls: RouterTls | None = None
    """Unset: plain, for behind what terminates TLS."""
    access: Access = Access()
    scheduling: Scheduling = Scheduling()
    """Where the router's pods may run."""
    pod: PodTemplate = PodTemplate()
    """What is said about the router's pods."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.httpRoute) || self.httpRoute.hostnames.size() > 0 "
            "|| self.access.hosts.size() > 0",
            "name what clients call the router, here or in access.hosts: it answers under no other",
            lambda spec: (
                spec.http_route is None
                or bool(spec.http_route.hostnames)
                or bool(spec.access.hosts)
            ),
            "httpRoute.hostnames",
        ),
        Rule(
            f"!has(self.store) || self.pod.env.all(variable, variable.name != '{STORE_VARIABLE}')",
            f"store.urlSecret sets {STORE_VARIABLE}: leave it out",
            lambda spec: (
                spec.store is None
                or not any(variable.name == STORE_VARIABLE for variable in spec.pod.env)
            ),
            "pod.env",
        ),
    )


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
    host: str | None = None
    """Name that clients outside use: of the Ingress, else the first one of the HTTPRoute."""
    desired_replicas: int | None = None
    """Desired pods of the router: `spec.replicas`, or what `autoscaling` decided."""
    low_demand: LowDemand | None = None
    """Set while `autoscaling` waits before it removes pods."""
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
        PrinterColumn("Host", "string", ".status.host", "Name outside the cluster", wide=True),
        PrinterColumn(
            "Pods", "integer", ".status.readyReplicas", "Ready pods of the router", wide=True
        ),
        REASON,
        AGE,
    )
