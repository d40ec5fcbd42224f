"""A Router's address: a Service over the router's own pods."""

from __future__ import annotations

from matinee_api.kinds.router import Router
from matinee_operator import labels
from matinee_operator.resources.metadata import Manifest, metadata, namespace_of


def router_name(router: Router) -> str:
    """Of its children, but for the Secret and its policies."""
    return f"{router.metadata.name}-router"


def policy_name(router: Router) -> str:
    """Of its disruption budget and its network policy. Those of a service have the service's name,
    which has no dot."""
    return f"{router.metadata.name}.router"


def router_selector(router: Router) -> dict[str, str]:
    """Labels that its pods have and no others."""
    return {labels.ROUTER: router.metadata.name, labels.COMPONENT: "router"}


def router_url(router: Router) -> str:
    """Where a client inside the cluster opens its WebSocket."""
    host = f"{router_name(router)}.{namespace_of(router.metadata)}.svc"
    port, tls = router.spec.service.port, router.spec.tls is not None
    usual = 443 if tls else 80
    return f"{'wss' if tls else 'ws'}://{host}{'' if port == usual else f':{port}'}/v1/stream"


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
    meta = metadata(router, router_name(router), "router")
    meta["annotations"] = {**exposure.annotations, **meta["annotations"]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "type": exposure.type,
            "selector": router_selector(router),
            "ports": [port],
            "ipFamilyPolicy": "PreferDualStack",
            **balancer,
        },
    }
