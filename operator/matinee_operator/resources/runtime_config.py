"""The ConfigMap with the runtime's configuration; its name carries the hash of its content."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from matinee_api.config.connection_limits import ConnectionLimits
from matinee_api.config.runtime_config import ServerConfig
from matinee_api.config.serve_config import serve_config
from matinee_api.contracts.pod_http import CONTROL_PORT, PORT
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.installation import Installation
from matinee_operator.objects import content_hash
from matinee_operator.resources.headless_service import address_of
from matinee_operator.resources.metadata import Manifest, metadata, namespace_of
from matinee_operator.weights.available import Weights

FILE = "serve.yaml"
STATE_FOLDER, JOBS_FOLDER = "/state", "/jobs"
TOKEN_FOLDER = "/etc/matinee-control"  # noqa: S105 - a path
TOKEN_KEY = "token"  # noqa: S105 - a name, not a secret
METRICS_KEY = "metrics"
"""In the Secret of Routers' pods: a token that opens nothing but their metrics."""
TERMINATION_GRACE_S = 30
"""The operator drains a pod before it deletes it; this is for deletions by others."""
STOPPING_S = 25
"""Of that, what is left for ending processes when sessions have had their time."""


@dataclass(frozen=True, slots=True)
class PodConfig:
    """The configuration as text, and the name of the ConfigMap that holds it."""

    name: str
    text: str


def runtime_config(service: StreamingService, config: PodConfig) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(service, config.name, "runtime"),
        "immutable": True,
        "data": {FILE: config.text},
    }


def pod_config(
    model: VideoModel, service: StreamingService, installation: Installation, weights: Weights
) -> PodConfig:
    text = _text(model, service, installation, weights)
    return PodConfig(f"{service.metadata.name}-{content_hash(text)}", text)


def names_in_cluster(service: StreamingService, cluster_domain: str) -> tuple[str, ...]:
    """What clients inside call the service. Routers in front of it come and go while its pods
    stay, so every Service of the namespace is meant; those names cannot be another's."""
    name, namespace = service.metadata.name, namespace_of(service.metadata)
    short = dict.fromkeys((name, address_of(name)))  # the first: of a Service of a former release
    every = f"*.{namespace}.svc"
    named = (form for each in short for form in (each, f"{each}.{namespace}"))
    return (*named, every, f"{every}.{cluster_domain}")


def _shutdown_grace_s(service: StreamingService) -> float:
    """How long sessions go on when a pod is stopped."""
    allowed_s = service.spec.pod.termination_grace_period_seconds or TERMINATION_GRACE_S
    return min(3600.0, max(allowed_s - STOPPING_S, min(allowed_s / 2, 5.0)))


def _limits(service: StreamingService) -> ConnectionLimits:
    """A router brings all its viewers from one address, after another one's death all at once, and
    asks a few things besides."""
    usual, viewers = ConnectionLimits(), service.spec.sessions.max_per_pod
    return ConnectionLimits(
        connections_per_address=max(usual.connections_per_address, viewers + 64),
        streams_per_second=max(usual.streams_per_second, viewers),
    )


def _text(
    model: VideoModel, service: StreamingService, installation: Installation, weights: Weights
) -> str:
    """What differs from the runtime's defaults, so that a new operator writes the same text."""
    config = serve_config(
        model,
        service,
        server=ServerConfig(
            host="::",
            port=PORT,
            control_port=CONTROL_PORT,
            control_token_file=f"{TOKEN_FOLDER}/{TOKEN_KEY}",
            open_metrics=True,  # the NetworkPolicy says who reaches them
            allowed_hosts=names_in_cluster(service, installation.cluster_domain),
            shutdown_grace_seconds=_shutdown_grace_s(service),
            limits=_limits(service),
        ),
        state_directory=STATE_FOLDER if service.spec.store.type == "File" else None,
        jobs_directory=JOBS_FOLDER,
        weights=weights.path,
    )
    values = config.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(values, sort_keys=True, allow_unicode=True)
