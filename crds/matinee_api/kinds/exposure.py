"""How clients reach a Router: its Service, an Ingress, an HTTPRoute of the Gateway API."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.meta import Annotations, ApiModel, Name
from matinee_api.kinds.patterns import CIDR, DNS_NAME
from matinee_api.kinds.rules import Rule

DnsName = Annotated[str, Field(pattern=DNS_NAME, max_length=253)]
"""Also with a star in place of the first label."""


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


class SecretRef(ApiModel):
    """A Secret of the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the Secret."""


class IngressTls(ApiModel):
    """The Ingress serves `https:` and `wss:`."""

    secret_ref: SecretRef | None = None
    """A Secret of the type `kubernetes.io/tls`; unset: the controller's own certificate."""


class RouterIngress(ApiModel):
    """An Ingress that leads to the address."""

    host: DnsName
    """Name that clients use. The router answers under it too."""
    class_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """IngressClass; unset: the cluster's default."""
    tls: IngressTls | None = None
    """Unset: plain."""
    annotations: Annotations = Field(default_factory=dict)
    """For the controller: how long a WebSocket may be silent, or which issuer makes the Secret.
    Where the router has `tls` itself, also that its pods want TLS."""


class ParentRef(ApiModel):
    """A Gateway, or one of its listeners."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the Gateway."""
    namespace: Name | None = None
    """Of the Gateway; unset: the Router's own."""
    section_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Name of the listener; unset: all that fit."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the listener; unset: all that fit."""


class RouterRoute(ApiModel):
    """An HTTPRoute of the Gateway API that leads to the address, where the cluster has any."""

    parent_refs: Annotated[tuple[ParentRef, ...], Field(min_length=1, max_length=8)]
    """Gateways that lead to the router."""
    hostnames: Annotated[tuple[DnsName, ...], Field(max_length=16)] = ()
    """Names that clients use, and the router answers under; empty: those of the listeners, which
    `access.hosts` has to list then."""
