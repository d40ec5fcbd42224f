"""The PodMonitor, where the cluster has that kind: each pod's `/metrics`."""

from __future__ import annotations

from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.installation import Monitors
from matinee_operator.resources.metadata import Manifest, metadata


def pod_monitor(service: StreamingService, monitors: Monitors) -> Manifest:
    endpoint: Manifest = {"port": labels.CONTROL, "path": "/metrics"}
    if monitors.interval:
        endpoint["interval"] = monitors.interval
    name, marks = service.metadata.name, dict(monitors.labels)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata(service, name, "runtime", marks),
        "spec": {
            "selector": {"matchLabels": {labels.SERVICE: name}},
            "podTargetLabels": [labels.SERVICE, labels.MODEL, labels.REVISION],
            "podMetricsEndpoints": [endpoint],
        },
    }
