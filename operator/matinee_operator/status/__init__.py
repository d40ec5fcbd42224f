"""Snapshot -> status. Pure. Conditions are computed from what is observed, never from `phase`."""

from __future__ import annotations

from matinee_operator.status.fallback import degraded_status
from matinee_operator.status.model import model_status
from matinee_operator.status.pace import StatusPace
from matinee_operator.status.router import router_status
from matinee_operator.status.service import service_status
from matinee_operator.status.transitions import transitions

__all__ = [
    "StatusPace",
    "degraded_status",
    "model_status",
    "router_status",
    "service_status",
    "transitions",
]
