"""What leads clients outside to a Router's Service: an Ingress, an HTTPRoute of the Gateway API."""

from __future__ import annotations

from collections.abc import Iterator

from matinee_api.kinds.exposure import ParentRef
from matinee_api.kinds.router import Router
from matinee_operator.installation import Installation
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.resources.router_service import router_name


def router_exposure(router: Router, installation: Installation) -> Iterator[Manifest]:
    """What it asks for and the cluster has."""
    if router.spec.ingress is not None:
        yield _ingress(router)
    if router.spec.http_route is not None and installation.has_routes:
        yield _route(router)


def outside_names(router: Router) -> tuple[str, ...]:
    """What clients outside call it, the usual one first."""
    ingress, route = router.spec.ingress, router.spec.http_route
    return (*((ingress.host,) if ingress else ()), *(route.hostnames if route else ()))


def _ingress(router: Router) -> Manifest:
    said = router.spec.ingress
    assert said is not None  # noqa: S101 - the caller looked
    service = {"name": router_name(router), "port": {"name": "http"}}
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": service}}
    spec: Manifest = {"rules": [{"host": said.host, "http": {"paths": [path]}}]}
    if said.class_name is not None:
        spec["ingressClassName"] = said.class_name
    if said.tls is not None:
        secret = {"secretName": said.tls.secret_ref.name} if said.tls.secret_ref else {}
        spec["tls"] = [{"hosts": [said.host], **secret}]
    meta = metadata(router, router_name(router), "router")
    meta["annotations"] = {**said.annotations, **meta["annotations"]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta,
        "spec": spec,
    }


def _route(router: Router) -> Manifest:
    said = router.spec.http_route
    assert said is not None  # noqa: S101 - the caller looked
    backend = {"name": router_name(router), "port": router.spec.service.port}
    spec: Manifest = {
        "parentRefs": [_parent(one) for one in said.parent_refs],
        "rules": [{"backendRefs": [backend]}],
    }
    if said.hostnames:
        spec["hostnames"] = list(said.hostnames)
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(router, router_name(router), "router"),
        "spec": spec,
    }


def _parent(parent: ParentRef) -> Manifest:
    return parent.model_dump(mode="json", exclude_none=True)
