"""The PodMonitor, where the cluster has that kind: each pod's `/metrics`."""

from __future__ import annotations

from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.resources.metadata import Manifest, metadata


def pod_monitor(service: StreamingService) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata(service, service.metadata.name, "runtime"),
        "spec": {
            "selector": {"matchLabels": {labels.SERVICE: service.metadata.name}},
            "podTargetLabels": [labels.SERVICE, labels.MODEL, labels.REVISION],
            "podMetricsEndpoints": [{"port": labels.CONTROL, "path": "/metrics"}],
        },
    }
