"""The ConfigMap with a router's configuration, which its pods read when they start.

It keeps its name: pods carry the hash of its content, so that another one replaces them.
"""

from __future__ import annotations

import yaml

from matinee_api.config.connection_limits import ConnectionLimits
from matinee_api.config.router_config import (
    BackendService,
    KubernetesConfig,
    RouterConfig,
    RouterSettings,
    TlsConfig,
)
from matinee_api.config.router_settings import settings_of
from matinee_api.contracts.pod_http import PORT
from matinee_api.kinds.router import Router
from matinee_operator.installation import Installation
from matinee_operator.resources.headless_service import address_of
from matinee_operator.resources.metadata import Manifest, metadata, namespace_of
from matinee_operator.resources.router_exposure import outside_names
from matinee_operator.resources.router_service import router_name
from matinee_operator.resources.runtime_config import METRICS_KEY, TOKEN_FOLDER, TOKEN_KEY

FILE = "router.yaml"
KEYS_FOLDER = "/etc/matinee-keys"
TLS_FOLDER = "/etc/matinee-tls"


def router_config(router: Router, text: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(router, router_name(router), "router"),
        "data": {FILE: text},
    }


def router_config_text(router: Router, installation: Installation) -> str:
    values = RouterConfig(router=_settings(router, installation)).model_dump(
        mode="json", exclude_defaults=True
    )
    return yaml.safe_dump(values, sort_keys=True, allow_unicode=True)


def _settings(router: Router, installation: Installation) -> RouterSettings:
    spec, token = router.spec, f"{TOKEN_FOLDER}/{TOKEN_KEY}"
    keys = spec.auth.keys_secret
    return RouterSettings(
        host="::",
        port=PORT,
        kubernetes=KubernetesConfig(
            services=tuple(
                BackendService(name=address_of(one.name), weight=float(one.weight))
                for one in spec.services
            ),
            control_token_file=token,
        ),
        **settings_of(spec),
        keys_file=f"{KEYS_FOLDER}/{keys.key}" if keys else None,
        tls=_tls(router),
        control_token_file=token,
        metrics_token_file=f"{TOKEN_FOLDER}/{METRICS_KEY}",
        allowed_hosts=_names(router, installation.cluster_domain),
        # A load balancer, an Ingress or a node brings all viewers from one address.
        limits=ConnectionLimits(connections=8192, connections_per_address=0, streams_per_second=0),
    )


def _tls(router: Router) -> TlsConfig:
    if router.spec.tls is None:
        return TlsConfig()
    cert, key = (f"{TLS_FOLDER}/{name}" for name in ("tls.crt", "tls.key"))
    return TlsConfig(cert_file=cert, key_file=key)


def _names(router: Router, cluster_domain: str) -> tuple[str, ...]:
    """What clients call it, inside and outside."""
    name, namespace = router_name(router), namespace_of(router.metadata)
    full = f"{name}.{namespace}.svc"
    inside = (name, f"{name}.{namespace}", full, f"{full}.{cluster_domain}")
    return tuple(dict.fromkeys((*inside, *outside_names(router), *router.spec.access.hosts)))
