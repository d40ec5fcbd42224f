"""The PodMonitor, where the cluster has that kind: each pod's `/metrics`."""

from __future__ import annotations

from matinee_api.streamingservice import StreamingService
from matinee_operator import names
from matinee_operator.resources.metadata import Manifest, metadata


def pod_monitor(service: StreamingService) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata(service, service.metadata.name, "runtime"),
        "spec": {
            "selector": {"matchLabels": {names.SERVICE: service.metadata.name}},
            "podTargetLabels": [names.SERVICE, names.MODEL, names.REVISION],
            "podMetricsEndpoints": [{"port": "http", "path": "/metrics"}],
        },
    }
