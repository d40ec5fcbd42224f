"""The chart's values: `values.yaml` with its comments and `values.schema.json` come from here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Mapping = dict[str, Any]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]


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
    """With the registry, where it is not the nodes' default."""
    tag: str = ""
    """Empty: the chart's appVersion."""
    pull_policy: PullPolicy = "IfNotPresent"
    """When the image is pulled."""


class RuntimeImage(_Values):
    """The image of runtime pods, unless a service names its own."""

    repository: str = "matinee/runtime"
    """With the registry, where it is not the nodes' default."""
    tag: str = ""
    """Empty: the chart's appVersion. Another tag rolls every service out, sessions kept."""
    pull_policy: PullPolicy = "IfNotPresent"
    """When the image is pulled, unless a service says otherwise."""


class Runtime(_Values):
    """What runtime pods get that say nothing themselves."""

    image: RuntimeImage = RuntimeImage()


class OperatorKey(_Values):
    """The secret that the control tokens of runtime pods are derived from."""

    existing_secret: str = ""
    """A Secret with the key `key` (at least 16 characters). Empty: the chart makes one and keeps
    it over upgrades; tools that only render templates should set this."""


class Crds(_Values):
    """The kinds VideoModel, StreamingService and Router."""

    install: bool = True
    """false: somebody else installs them."""
    keep: bool = True
    """Uninstalling leaves them, and with them all objects and their pods."""


class ServiceAccount(_Values):
    """The operator's identity."""

    create: bool = True
    """false: it exists already, under `name`."""
    name: str = ""
    """Empty: the release's name."""
    annotations: Mapping = Field(default_factory=dict)
    """For cloud identities."""


class Metrics(_Values):
    """The operator's own metrics."""

    pod_monitor: bool = False
    """Make a PodMonitor; needs the Prometheus operator."""


class Values(_Values):
    """Everything that can be set."""

    image: OperatorImage = OperatorImage()
    runtime: Runtime = Runtime()
    image_pull_secrets: list[Mapping] = Field(default_factory=list)
    """Of the operator's pods: `[{name: registry}]`."""
    replicas: int = Field(default=2, ge=1, le=5)
    """One leads, the others take over within 15 s."""
    namespaces: list[str] = Field(default_factory=list)
    """Watch these namespaces only, with a Role in each of them. Empty: the whole cluster,
    with a ClusterRole. Draining of cordoned nodes needs the whole cluster."""
    workers: int = Field(default=8, ge=1, le=256)
    """Objects that are reconciled at the same time."""
    resync_seconds: int = Field(default=600, ge=1, le=86400)
    """Seconds between full relists, which find changes that the watches missed."""
    propagation_seconds: int = Field(default=5, ge=0, le=300)
    """What kube-proxy and DNS may take to follow a pod's readiness. For so long a new pod does not
    count as serving yet, and a cordoned pod is not ordered to drain, which refuses viewers."""
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
    crds: Crds = Crds()
    service_account: ServiceAccount = ServiceAccount()
    resources: Mapping = Field(
        default_factory=lambda: {
            "requests": {"cpu": "50m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        }
    )
    """Of each operator pod. 1,000 services need about 300 MB."""
    node_selector: Mapping = Field(default_factory=dict)
    """Of the operator's pods."""
    tolerations: list[Mapping] = Field(default_factory=list)
    """Of the operator's pods."""
    affinity: Mapping = Field(default_factory=dict)
    """Of the operator's pods; empty: its replicas prefer different nodes."""
    priority_class_name: str = ""
    """Of the operator's pods; `system-cluster-critical` where that is allowed."""
    pod_labels: Mapping = Field(default_factory=dict)
    """Added to the operator's pods."""
    pod_annotations: Mapping = Field(default_factory=dict)
    """Added to the operator's pods."""
    network_policy: bool = True
    """Only the health and metrics port of the operator can be reached."""
    metrics: Metrics = Metrics()
