"""The chart's values: `values.yaml` with its comments and `values.schema.json` come from here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Mapping = dict[str, Any]
Texts = dict[str, str]
"""helm makes a number of `--set podLabels.x=1`; the API server would refuse it, later."""
PullPolicy = Literal["Always", "IfNotPresent", "Never"]
Digest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")]


class _Values(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        alias_generator=to_camel,
        validate_by_name=True,
    )


class OperatorImage(_Values):
    """The operator's image."""

    repository: str = "matinee/operator"
    """What comes after the registry."""
    tag: str = ""
    """Empty: the chart's appVersion."""
    digest: Digest = ""
    """`sha256:...`: takes the place of the tag."""
    pull_policy: PullPolicy = "IfNotPresent"
    """When the image is pulled."""


class RuntimeImage(_Values):
    """The image of runtime pods, unless a service names its own."""

    repository: str = "matinee/runtime"
    """What comes after the registry."""
    tag: str = ""
    """Empty: the chart's appVersion. Another tag rolls every service out, sessions kept."""
    digest: Digest = ""
    """`sha256:...`: takes the place of the tag."""
    pull_policy: PullPolicy = "IfNotPresent"
    """When the image is pulled, and that of Routers, unless one of them says otherwise."""


class RouterImage(_Values):
    """The image of Routers' pods, unless a Router names its own."""

    repository: str = "matinee/router"
    """What comes after the registry."""
    tag: str = ""
    """Empty: the chart's appVersion. Another tag replaces the pods of every Router."""
    digest: Digest = ""
    """`sha256:...`: takes the place of the tag."""


class Router(_Values):
    """What Routers' pods get that say nothing themselves."""

    image: RouterImage = RouterImage()


class Runtime(_Values):
    """What runtime pods get that say nothing themselves."""

    image: RuntimeImage = RuntimeImage()


class OperatorKey(_Values):
    """The secret that the control tokens of runtime pods are derived from."""

    existing_secret: str = ""
    """A Secret with the key `key` (at least 16 characters; former keys may follow, each on a line
    of its own). Empty: the chart makes one and keeps it over upgrades; tools that only render
    templates should set this."""


class Crds(_Values):
    """The kinds VideoModel, StreamingService and Router."""

    install: bool = True
    """false: somebody else installs them, such as another release."""
    keep: bool = True
    """Uninstalling leaves them, and with them all objects and their pods."""


class ServiceAccount(_Values):
    """The operator's identity."""

    create: bool = True
    """false: it exists already, under `name`."""
    name: str = ""
    """Empty: the release's name."""
    annotations: Texts = Field(default_factory=dict)
    """For cloud identities."""


class Metrics(_Values):
    """PodMonitors, for the Prometheus operator."""

    pod_monitor: bool = False
    """Make a PodMonitor for the operator's own metrics; needs the Prometheus operator."""
    service_pod_monitors: bool = True
    """The operator makes one for each StreamingService and each Router, as soon as the cluster has
    that kind."""
    labels: Texts = Field(default_factory=dict)
    """Of all these PodMonitors: what your Prometheus selects, such as `{release: prometheus}`."""
    interval: Annotated[str, Field(pattern=r"^([0-9]+(ms|s|m|h))*$")] = ""
    """How often they are scraped, such as `30s`. Empty: as your Prometheus does by default."""


class Valkey(_Values):
    """A small Valkey server that keeps sessions, and jobs where it has a claim: one pod with a
    password, for trying out. For real use a server of your own, which `store.urlSecret` and
    `jobs.store.urlSecret` of a service name."""

    enabled: bool = False
    """Start it. The Secret `RELEASE-operator-valkey` has its address under the key `url`."""
    image: str = "valkey/valkey:8.1-alpine"
    """Its image, with the registry where that is another one."""
    megabytes: int = Field(default=256, ge=16, le=65536)
    """What sessions and jobs may take."""
    claim: str = ""
    """A PersistentVolumeClaim of its namespace, on which it keeps everything, as jobs want it.
    Empty: in memory only, so that nothing outlives its pod."""


class Restrictions(_Values):
    """What StreamingServices, VideoModels and Routers may make the operator run, checked by a
    ValidatingAdmissionPolicy of the API server. Without it whoever may create a StreamingService
    may run any image with any Secret of the namespace. `"*"` in a list allows any."""

    enabled: bool = False
    """Refuse what is not listed below."""
    images: list[str] = Field(default_factory=list)
    """Images besides the default ones of runtime and router: `registry/name` with any tag, or
    `registry/team/` for all below it."""
    secrets: list[str] = Field(default_factory=list)
    """Secrets that pods and Jobs may use: as environment, files, tokens, for pulling."""
    service_accounts: list[str] = Field(default_factory=list)
    """ServiceAccounts besides `default`."""
    priority_classes: list[str] = Field(default_factory=list)
    """PriorityClasses; with a default one in the cluster, list that too."""
    tolerations: list[str] = Field(default_factory=lambda: ["nvidia.com/gpu"])
    """Keys of taints that may be tolerated, besides those of Kubernetes' own nodes' states."""
    service_types: list[str] = Field(default_factory=lambda: ["ClusterIP"])
    """Types of the Routers' Services: ClusterIP, NodePort, LoadBalancer; and Ingress and HTTPRoute,
    where Routers may make these."""


class Values(_Values):
    """Everything that can be set."""

    registry: str = ""
    """Put before all images' repositories: `registry.example.com` or `registry.example.com/team`.
    Empty: `global.imageRegistry`, else what the nodes take by default."""
    image: OperatorImage = OperatorImage()
    runtime: Runtime = Runtime()
    router: Router = Router()
    image_pull_secrets: list[Mapping] = Field(default_factory=list)
    """Of the operator's pods: `[{name: registry}]`; those of `global.imagePullSecrets` are
    added."""
    replicas: int = Field(default=2, ge=1, le=5)
    """One leads, the others take over within 15 s."""
    namespaces: list[str] = Field(default_factory=list)
    """Watch these namespaces only, with a Role in each of them. Empty: the whole cluster,
    with a ClusterRole. Draining of nodes that go away needs the whole cluster."""
    aggregate_roles: bool = True
    """Whoever may view or edit a namespace may do the same with our kinds. Takes two ClusterRoles,
    which give the operator itself nothing."""
    restrictions: Restrictions = Restrictions()
    workers: int = Field(default=8, ge=1, le=256)
    """Objects that are reconciled at the same time."""
    resync_seconds: int = Field(default=600, ge=1, le=86400)
    """Seconds between full relists, which find changes that the watches missed."""
    propagation_seconds: int = Field(default=5, ge=0, le=300)
    """What kube-proxy and DNS may take to follow an EndpointSlice. For so long a cordoned pod is
    not ordered to drain, which refuses viewers. A new pod counts as serving when the EndpointSlices
    list it, and after this time where there are none."""
    lease_seconds: int = Field(default=12, ge=3, le=300)
    """A leader that is silent for this long is replaced; it is renewed six times in it."""
    cluster_domain: str = Field(default="cluster.local", min_length=1)
    """What the names of Services end with. Runtime pods answer under `SERVICE.NAMESPACE.svc` and
    the same with this behind it; another one rolls every service out, sessions kept."""
    monitoring_namespaces: list[str] = Field(default_factory=lambda: ["monitoring"])
    """From there, runtime pods' metrics may be scraped (on their control port, by their
    NetworkPolicies)."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The log is JSON on stderr."""
    operator_key: OperatorKey = OperatorKey()
    valkey: Valkey = Valkey()
    crds: Crds = Crds()
    service_account: ServiceAccount = ServiceAccount()
    resources: Mapping = Field(
        default_factory=lambda: {
            "requests": {"cpu": "50m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        }
    )
    """Of each operator pod. 1,000 services need less than 200 MB."""
    node_selector: Texts = Field(default_factory=dict)
    """Of the operator's pods."""
    tolerations: list[Mapping] = Field(default_factory=list)
    """Of the operator's pods."""
    affinity: Mapping = Field(default_factory=dict)
    """Of the operator's pods; empty: its replicas prefer different nodes."""
    priority_class_name: str = ""
    """Of the operator's pods; `system-cluster-critical` where that is allowed."""
    pod_labels: Texts = Field(default_factory=dict)
    """Added to the operator's pods."""
    pod_annotations: Texts = Field(default_factory=dict)
    """Added to the operator's pods."""
    network_policy: bool = True
    """Only the health and metrics port of the operator can be reached."""
    metrics: Metrics = Metrics()
    fullname_override: Annotated[
        str, Field(max_length=50, pattern=r"^([a-z]([-a-z0-9]*[a-z0-9])?)?$")
    ] = ""
    """Name of the operator's Deployment, Lease and all else that belongs to it. Empty:
    `RELEASE-operator`."""
    enabled: bool = True
    """For a parent chart: `condition: matinee.enabled` of its dependency. Nothing here reads it."""
    shared: Mapping = Field(default_factory=dict, alias="global")
    """What a parent chart says to all its charts. Read here: `imageRegistry`,
    `imagePullSecrets`."""
