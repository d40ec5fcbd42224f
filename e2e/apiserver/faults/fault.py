"""One row of the table."""

from __future__ import annotations

from dataclasses import dataclass

from e2e.apiserver.faults.steps import Step
from matinee_api.kinds import conditions

SERVICE, MODEL, ROUTER = "StreamingService", "VideoModel", "Router"
FALSE, TRUE, UNKNOWN = "False", "True", "Unknown"


@dataclass(frozen=True, slots=True)
class Fault:
    """`steps` come after the usual objects, of which the kinds in `without` are left out. Then
    `kind` has `condition` with `status` and `reason`, and `says` is part of its message."""

    what: str
    steps: tuple[Step, ...]
    kind: str
    condition: str
    status: str
    reason: str
    says: str = ""
    without: tuple[str, ...] = ()
    remade: tuple[str, ...] = ()
    """Kinds of children that exist again."""


def degraded(what: str, reason: str, told: str, *steps: Step, **more: tuple[str, ...]) -> Fault:
    """One that the service's `Degraded` tells."""
    return Fault(what, steps, SERVICE, conditions.DEGRADED, TRUE, reason, told, **more)
