"""A Router -> the router's configuration. Pure: `matinee up` and the operator both call it.

Where it listens, how it finds its backends and where its secrets lie differ between them.
"""

from __future__ import annotations

from typing import Any

from matinee_api.config.router_config import QueueConfig, Strategy
from matinee_api.kinds.router import RouterSpec

_STRATEGIES: dict[str, Strategy] = {
    "MostFree": "most-free",
    "Weighted": "weighted",
    "PrimaryFirst": "primary-first",
    "Hash": "hash",
}


def settings_of(spec: RouterSpec) -> dict[str, Any]:
    """Fields of `RouterSettings` that are the same wherever it runs."""
    longest_s = float(spec.queue.longest_seconds)
    return {
        "strategy": _STRATEGIES[spec.strategy],
        "queue": QueueConfig(
            max_waiting=spec.queue.max_waiting,
            longest_seconds=longest_s,
            # Servers that died are started anew, and those of a service without any are woken.
            no_backend_seconds=longest_s,
        ),
        "failover_seconds": float(spec.failover_seconds),
        "allowed_origins": spec.access.origins,
    }
