"""How the pods of a service are replaced, and what becomes of their sessions."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.meta import ApiModel, Share
from matinee_api.kinds.rules import Rule


class Rollout(ApiModel):
    """How pods of an old revision are replaced."""

    max_surge: Share = 1
    """Pods above the desired number during a rollout, or a percentage of it, rounded up; needs free
    GPUs."""
    max_unavailable: Share = 0
    """Pods below the desired number during a rollout, or a percentage of it, rounded down. Where
    both come to none it is 1."""
    progress_deadline_seconds: int = Field(default=1800, ge=1, le=86400)
    """A rollout without progress for this long sets Degraded."""
    paused: bool = False
    """Keep both revisions as they are."""
    revision_history_limit: int = Field(default=10, ge=0, le=100)
    """Former revisions that `matinee rollout undo` can go back to."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(self.maxSurge != 0 && self.maxSurge != '0%') "
            "|| (self.maxUnavailable != 0 && self.maxUnavailable != '0%')",
            "maxSurge and maxUnavailable cannot both be 0: no pod could ever be replaced; "
            "set one of them to 1",
            lambda rollout: {rollout.max_surge, rollout.max_unavailable} - {0, "0%"} != set(),
        ),
    )


class Drain(ApiModel):
    """What happens to the sessions of a pod that is to be removed."""

    timeout_seconds: int = Field(default=3600, ge=0, le=86400)
    """How long they may continue."""
    on_deadline: Literal["Migrate", "Close"] = "Migrate"
    """What happens to those that are left then. `Migrate`: each viewer is given the session's
    state and closed, to resume on another pod. `Close`: closed."""
    on_delete: bool = False
    """Whether deleting the service waits for its sessions too."""
