"""The ConfigMap with the runtime's configuration; its name carries the hash of its content."""

from __future__ import annotations

import yaml

from matinee_api.config.runtime_config import ServerConfig
from matinee_api.config.serve_config import serve_config
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.objects import content_hash
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.weights.available import weights_of

PORT = 8000
FILE = "serve.yaml"
STATE_FOLDER = "/state"
SHUTDOWN_GRACE_S = 5.0
"""Sessions are drained before a pod is deleted; this is for those that are left."""


def runtime_config(model: VideoModel, service: StreamingService) -> Manifest:
    text = config_text(model, service)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(service, config_name(service, text), "runtime"),
        "immutable": True,
        "data": {FILE: text},
    }


def config_name(service: StreamingService, text: str) -> str:
    return f"{service.metadata.name}-{content_hash(text)}"


def config_text(model: VideoModel, service: StreamingService) -> str:
    """What differs from the runtime's defaults, so that a new operator writes the same text."""
    weights = weights_of(model)
    config = serve_config(
        model,
        service,
        server=ServerConfig(
            host="0.0.0.0",  # noqa: S104 - a pod's own network; its NetworkPolicy says who may in
            port=PORT,
            shutdown_grace_seconds=SHUTDOWN_GRACE_S,
        ),
        state_directory=STATE_FOLDER if service.spec.store.type == "File" else None,
        weights=weights.path if weights else None,
    )
    values = config.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(values, sort_keys=True, allow_unicode=True)
