"""A Router of a file of resources, run on this machine: what of it holds here. Pure.

`matinee up` carries out what is about sessions. What is about a cluster does nothing, and is named;
keys must not be lost on the way, so they come from a file that the command line names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matinee_api.config.errors import config_error
from matinee_api.config.router_config import ReplicaConfig
from matinee_api.config.router_settings import settings_of
from matinee_api.kinds.environment import STORE_VARIABLE
from matinee_api.kinds.router import Router, RouterSpec

OF_A_CLUSTER = (
    *("service", "ingress", "http_route", "replicas"),
    *("autoscaling", "tls", "scheduling", "pod"),
)


def keys_file_of(router: Router, file: str, given: str | None) -> str | None:
    """Raises `ConfigError` where keys are wanted and there is no file with them."""
    if router.spec.auth.keys_secret is not None and given is None:
        path = f"{file}: Router/{router.metadata.name}: spec.auth.keysSecret"
        remedy = "give its keys.yaml with --keys-file, or remove it: then anybody may open sessions"
        raise config_error("there are no Secrets on this machine", path=path, remedy=remedy)
    return given


def local_settings(
    spec: RouterSpec, servers: Sequence[tuple[str, str]], urls: Sequence[str]
) -> dict[str, Any]:
    """Fields of `RouterSettings`. `servers`: the name and the service of each."""
    weights = {one.name: float(one.weight) for one in spec.services}
    primary = urls[0] if spec.strategy == "PrimaryFirst" else None  # the others in their order
    replicas = tuple(
        ReplicaConfig(url=url, name=name, weight=weights[service], primary=url == primary)
        for (name, service), url in zip(servers, urls, strict=True)
    )
    return {**settings_of(spec), "replicas": replicas, "allowed_hosts": spec.access.hosts}


def without_effect(spec: RouterSpec, environment: Mapping[str, str]) -> Iterator[str]:
    """Fields that say something and do nothing here."""
    fields = type(spec).model_fields
    for name in OF_A_CLUSTER:
        if name in spec.model_fields_set:
            yield f"spec.{fields[name].alias or name}"
    if spec.store is not None and not environment.get(STORE_VARIABLE):
        yield f"spec.store (set {STORE_VARIABLE})"
