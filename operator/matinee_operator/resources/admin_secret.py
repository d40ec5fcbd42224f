"""The Secret with the control token of a service's pods.

Created and never read: the operator derives the token again whenever it needs it.
"""

from __future__ import annotations

from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator.objects import content_hash
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.resources.runtime_config import TOKEN_KEY


def admin_secret(service: StreamingService, token: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(service, secret_name(service, token), "runtime"),
        "immutable": True,
        "type": "Opaque",
        "stringData": {TOKEN_KEY: token},
    }


def secret_name(service: StreamingService, token: str) -> str:
    """Carries a hash of the token: a service that is made again has another Secret."""
    return f"{service.metadata.name}-admin-{content_hash(token)}"
