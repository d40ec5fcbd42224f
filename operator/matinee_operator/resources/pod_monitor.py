"""The PodMonitors, where the cluster has that kind: each pod's `/metrics`.

Those of a service's pods are on their control port, which a NetworkPolicy guards. A router's pod
has one port, which anybody may reach: its metrics want a token, which Prometheus takes from the
Secret.
"""

from __future__ import annotations

from matinee_api.kinds.resource import Resource
from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.installation import Monitors
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.resources.router_service import router_name, router_selector
from matinee_operator.resources.runtime_config import METRICS_KEY


def pod_monitor(service: StreamingService, monitors: Monitors) -> Manifest:
    name = service.metadata.name
    spec = {
        "selector": {"matchLabels": {labels.SERVICE: name}},
        "podTargetLabels": [labels.SERVICE, labels.MODEL, labels.REVISION],
        "podMetricsEndpoints": [_endpoint(labels.CONTROL, monitors)],
    }
    return _monitor(service, name, "runtime", monitors, spec)


def router_monitor(router: Router, monitors: Monitors, secret: str) -> Manifest:
    """`secret`: with the token."""
    credentials = {"name": secret, "key": METRICS_KEY}
    endpoint = {**_endpoint("http", monitors), "authorization": {"credentials": credentials}}
    if router.spec.tls is not None:  # its certificate is for the name that viewers use
        endpoint |= {"scheme": "https", "tlsConfig": {"insecureSkipVerify": True}}
    spec = {
        "selector": {"matchLabels": router_selector(router)},
        "podTargetLabels": [labels.ROUTER],
        "podMetricsEndpoints": [endpoint],
    }
    return _monitor(router, router_name(router), "router", monitors, spec)


def _endpoint(port: str, monitors: Monitors) -> Manifest:
    interval = {"interval": monitors.interval} if monitors.interval else {}
    return {"port": port, "path": "/metrics", **interval}


def _monitor(
    owner: Resource, name: str, component: str, monitors: Monitors, spec: Manifest
) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata(owner, name, component, dict(monitors.labels)),
        "spec": spec,
    }
