"""The ConfigMap with the runtime's configuration; its name carries the hash of its content."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from matinee_api.config.runtime_config import ServerConfig
from matinee_api.config.serve_config import serve_config
from matinee_api.contracts.pod_http import PORT
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.objects import content_hash
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.weights.available import Weights

FILE = "serve.yaml"
STATE_FOLDER = "/state"
SHUTDOWN_GRACE_S = 5.0
"""Sessions are drained before a pod is deleted; this is for those that are left."""


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


def pod_config(model: VideoModel, service: StreamingService, weights: Weights) -> PodConfig:
    text = _text(model, service, weights)
    return PodConfig(f"{service.metadata.name}-{content_hash(text)}", text)


def _text(model: VideoModel, service: StreamingService, weights: Weights) -> str:
    """What differs from the runtime's defaults, so that a new operator writes the same text."""
    config = serve_config(
        model,
        service,
        server=ServerConfig(
            host="0.0.0.0",  # noqa: S104 - a pod's own network; its NetworkPolicy says who may in
            port=PORT,
            shutdown_grace_seconds=SHUTDOWN_GRACE_S,
        ),
        state_directory=STATE_FOLDER if service.spec.store.type == "File" else None,
        weights=weights.path,
    )
    values = config.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(values, sort_keys=True, allow_unicode=True)
