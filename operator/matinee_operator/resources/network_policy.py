"""The NetworkPolicies. Anybody may open a stream, through the Routers once there are some; the
control port is for those who run the service.

These are the operator, the Routers' own pods, and Prometheus. Which of them may do what there, the
token says; the policy keeps everybody else from asking.
"""

from __future__ import annotations

from collections.abc import Sequence

from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.installation import Installation
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.resources.router_service import policy_name, router_selector

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label that Kubernetes puts on every namespace."""


def network_policy(
    service: StreamingService, installation: Installation, routers: Sequence[str]
) -> Manifest:
    """`routers`: names of those that stand in front of the service."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service, service.metadata.name, "runtime"),
        "spec": {
            "podSelector": {"matchLabels": {labels.SERVICE: service.metadata.name}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": "http", "protocol": "TCP"}], **_who_streams(routers)},
                {
                    "ports": [{"port": labels.CONTROL, "protocol": "TCP"}],
                    "from": _who_controls(installation),
                },
            ],
        },
    }


def _who_streams(routers: Sequence[str]) -> Manifest:
    if not routers:
        return {}
    named = {"key": labels.ROUTER, "operator": "In", "values": list(routers)}
    selected = {"matchLabels": {labels.COMPONENT: "router"}, "matchExpressions": [named]}
    return {"from": [{"podSelector": selected}]}


def router_policy(router: Router) -> Manifest:
    """Anybody may come to its one port; what is control there wants the token."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(router, policy_name(router), "router"),
        "spec": {
            "podSelector": {"matchLabels": router_selector(router)},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": "http", "protocol": "TCP"}]}],
        },
    }


def _who_controls(installation: Installation) -> list[Manifest]:
    operator = {labels.APP_NAME: labels.OPERATOR_APP}
    router = {labels.MANAGED_BY: labels.APP, labels.COMPONENT: "router"}
    return [
        {**_namespace(installation.namespace), "podSelector": {"matchLabels": operator}},
        {"podSelector": {"matchLabels": router}},
        *(_namespace(name) for name in installation.monitoring_namespaces),
    ]


def _namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}}
