"""A Router's address: a Service over the ready pods of the services that it names.

Pods are put behind it by a label of their own (`names.BEHIND`), because a selector cannot say "of
this service or of that one". A router program takes its place by another selector, under the same
name and port.
"""

from __future__ import annotations

from matinee_api.kinds.router import Router
from matinee_operator import labels
from matinee_operator.resources.metadata import Manifest, metadata, namespace_of


def service_name(router: Router) -> str:
    return f"{router.metadata.name}-router"


def router_url(router: Router) -> str:
    """Where a client inside the cluster opens its WebSocket."""
    host = f"{service_name(router)}.{namespace_of(router.metadata)}.svc"
    port = router.spec.service.port
    return f"ws://{host}{'' if port == 80 else f':{port}'}/v1/stream"


def router_service(router: Router) -> Manifest:
    exposure = router.spec.service
    port = {"name": "http", "port": exposure.port, "protocol": "TCP", "targetPort": "http"}
    if exposure.node_port is not None:
        port["nodePort"] = exposure.node_port
    balancer: Manifest = {}
    if exposure.load_balancer_class is not None:
        balancer["loadBalancerClass"] = exposure.load_balancer_class
    if exposure.load_balancer_source_ranges:
        balancer["loadBalancerSourceRanges"] = list(exposure.load_balancer_source_ranges)
    meta = metadata(router, service_name(router), "router")
    meta["annotations"] = {**exposure.annotations, **meta["annotations"]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "type": exposure.type,
            "selector": {
                f"{labels.BEHIND}{router.metadata.name}": "true",
                labels.ACCEPTING: "true",
            },
            "ports": [port],
            "ipFamilyPolicy": "PreferDualStack",
            **balancer,
        },
    }
