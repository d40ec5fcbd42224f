"""The Secrets with control tokens: of a service's pods, and of a Router's.

Created and never read: the operator derives the tokens again whenever it needs them. A service's
pods take the operator's token and that of the namespace's Routers; the latter is also what the
operator asks the Routers' pods with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator.objects import content_hash
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.resources.router_service import router_name
from matinee_operator.resources.runtime_config import METRICS_KEY, TOKEN_KEY


def admin_secret(service: StreamingService, *tokens: str) -> Manifest:
    return _secret(service, secret_name(service, *tokens), "runtime", _text(tokens))


def secret_name(service: StreamingService, *tokens: str) -> str:
    """Carries a hash of the tokens: a service that is made again has another Secret."""
    return f"{service.metadata.name}-admin-{content_hash(_text(tokens))}"


def router_secret(router: Router, tokens: Sequence[str], metrics_token: str) -> Manifest:
    """A Router that is made again has another one. `metrics_token`: what Prometheus is given."""
    hashed = content_hash([_text(tokens), metrics_token, router.metadata.uid])
    name = f"{router_name(router)}-admin-{hashed}"
    return _secret(router, name, "router", _text(tokens), {METRICS_KEY: metrics_token})


def _text(tokens: Iterable[str]) -> str:
    """Each on a line."""
    return "\n".join(tokens)


def _secret(
    owner: StreamingService | Router,
    name: str,
    component: str,
    text: str,
    more: Mapping[str, str] | None = None,
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(owner, name, component),
        "immutable": True,
        "type": "Opaque",
        "stringData": {TOKEN_KEY: text, **(more or {})},
    }
