"""The NetworkPolicy: anybody may open a stream, and nothing but the one port is reachable."""

from __future__ import annotations

from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.resources.metadata import Manifest, metadata


def network_policy(service: StreamingService) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(service, service.metadata.name, "runtime"),
        "spec": {
            "podSelector": {"matchLabels": {labels.SERVICE: service.metadata.name}},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": "http", "protocol": "TCP"}]}],
        },
    }
