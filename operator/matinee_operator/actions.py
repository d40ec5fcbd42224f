"""What a plan may ask for. Each is safe to do twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from matinee_operator.objects import Address, Key


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of one child; made where nobody has the name."""

    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Create:
    """Create once; one of ours that exists already only gets its metadata back."""

    manifest: Mapping[str, Any]
    needs: tuple[Key, ...] = ()
    """Not done when one of these could not be written by the same plan."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Merge into `metadata`; None removes a key. `uid` guards against another of the same name."""

    target: Key
    uid: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object with this uid, as it was read."""

    target: Key
    uid: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Drain:
    """`POST /v1/drain` of a pod."""

    pod: str
    address: Address
    deadline_s: float
    migrate: bool
    """Whether viewers that are left at the deadline are given their state, to resume elsewhere."""


@dataclass(frozen=True, slots=True)
class SetDoor:
    """`PUT /v1/door` of a pod."""

    address: Address
    routers_only: bool


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """A Kubernetes Event on the object that is reconciled."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    needs: tuple[Key, ...] = ()
    """Not true when one of these could not be written by the same plan."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """Reconcile again after this time: no event will report that it has passed."""

    after_s: float

    @classmethod
    def at(cls, when: datetime, now: datetime) -> Requeue:
        """A moment later than that, so that `when` has passed."""
        return cls(max(0.0, (when - now).total_seconds()) + 0.1)


Action = Apply | Create | Patch | Delete | Drain | SetDoor | RecordEvent | Requeue
