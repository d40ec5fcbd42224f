"""Conditions before and after -> the Events that say what changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from matinee_api.kinds import conditions
from matinee_api.kinds.meta import Condition
from matinee_operator.actions import RecordEvent

RECORDED = (
    conditions.READY,
    conditions.DEGRADED,
    conditions.DOWNLOADED,
    conditions.WARMED,
    conditions.SERVABLE,
)


def transitions(before: Iterable[Condition], after: Iterable[Condition]) -> Iterator[RecordEvent]:
    """One Event for each condition that people ask about and that changed."""
    known = {one.type: (one.status, one.reason) for one in before}
    for one in after:
        if one.type not in RECORDED or known.get(one.type) == (one.status, one.reason):
            continue
        if one.type == conditions.DEGRADED:
            yield from _degraded(one, was_degraded=known.get(one.type, ("False",))[0] == "True")
        elif one.status == "True" and known.get(one.type, ("False",))[0] != "True":
            yield RecordEvent("Normal", one.type, one.message or one.reason)


def _degraded(now: Condition, *, was_degraded: bool) -> Iterator[RecordEvent]:
    if now.status == "True":
        yield RecordEvent("Warning", now.reason, now.message)
    elif was_degraded:
        yield RecordEvent("Normal", "Recovered", "nothing is wrong any more")
