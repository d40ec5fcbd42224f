"""The NetworkPolicy: anybody may open a stream; the control port is for those who run the service.

These are the operator, the Routers' own pods, and Prometheus. Which of them may do what there, the
token says; the policy keeps everybody else from asking.
"""

from __future__ import annotations

from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.installation import Installation
from matinee_operator.resources.metadata import Manifest, metadata

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label that Kubernetes puts on every namespace."""


def network_policy(service: StreamingService, installation: Installation) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service, service.metadata.name, "runtime"),
        "spec": {
            "podSelector": {"matchLabels": {labels.SERVICE: service.metadata.name}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": "http", "protocol": "TCP"}]},
                {
                    "ports": [{"port": labels.CONTROL, "protocol": "TCP"}],
                    "from": _who_controls(installation),
                },
            ],
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
