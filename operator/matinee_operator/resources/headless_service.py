"""The headless Service: a name for each service, and EndpointSlices for whoever watches them.

It selects the pods that new sessions may go to: during a rollout, those of the newest ready
revision. Connections that exist are not affected by what it selects.

It has the name of its StreamingService, unless that could be the name of a Router's Service.
"""

from __future__ import annotations

import re

from matinee_api.contracts.endpoints import START_LABEL
from matinee_api.contracts.pod_http import CONTROL_PORT, PORT
from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.resources.metadata import Manifest, metadata, namespace_of

_LIKE_A_ROUTERS = re.compile(r"-router(-pods)*$")


def address_of(service: str) -> str:
    """The name of its Service: of no other StreamingService and of no Router."""
    return f"{service}-pods" if _LIKE_A_ROUTERS.search(service) else service


def headless_service(service: StreamingService, start_s: int | None = None) -> Manifest:
    """`start_s`: how long the last pod took until it was ready, where that is known."""
    marks = {START_LABEL: str(start_s)} if start_s is not None else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service, address_of(service.metadata.name), "runtime", marks),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "ipFamilyPolicy": "PreferDualStack",
            "selector": {labels.SERVICE: service.metadata.name, labels.ACCEPTING: "true"},
            "ports": [_port("http", PORT), _port(labels.CONTROL, CONTROL_PORT)],
        },
    }


def service_url(service: StreamingService) -> str:
    """Where a client inside the cluster opens its WebSocket."""
    host = f"{address_of(service.metadata.name)}.{namespace_of(service.metadata)}.svc"
    return f"ws://{host}:{PORT}/v1/stream"


def _port(name: str, number: int) -> Manifest:
    return {"name": name, "port": number, "protocol": "TCP", "targetPort": name}
