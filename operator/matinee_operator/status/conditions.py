"""Findings -> conditions: `lastTransitionTime` moves only when `status` changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from matinee_api.kinds.meta import Condition
from matinee_api.plain_text import plain
from matinee_operator.objects import stamp

MESSAGE_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition before it is known since when it holds."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""

    @property
    def holds(self) -> bool:
        return self.status == "True"


def finding(kind: str, holds: bool, reason: str, message: str = "") -> Finding:
    return Finding(kind, "True" if holds else "False", reason, message)


def conditions_of(
    findings: Iterable[Finding], before: Iterable[Condition], generation: int, now: datetime
) -> tuple[Condition, ...]:
    known = {one.type: one for one in before}
    return tuple(
        Condition(
            type=found.type,
            status=found.status,
            observed_generation=generation,
            last_transition_time=_since(known.get(found.type), found, now),
            reason=found.reason,
            message=plain(found.message, MESSAGE_LENGTH),
        )
        for found in findings
    )


def _since(before: Condition | None, found: Finding, now: datetime) -> str:
    if before is not None and before.status == found.status:
        return before.last_transition_time
    return stamp(now)
