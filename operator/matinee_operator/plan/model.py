"""A VideoModel's snapshot -> its claim, the Jobs that fetch its weights, and its warm-up Job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from matinee_api.kinds import conditions
from matinee_operator.actions import Action, Create, RecordEvent, Requeue
from matinee_operator.desired import DesiredModel
from matinee_operator.fetching import fetching
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.plan.compare import restored, stale
from matinee_operator.plan.weights import kept_jobs, plan_weights
from matinee_operator.warming import Warming


def plan_model(snapshot: ModelSnapshot, desired: DesiredModel) -> list[Action]:
    if snapshot.model.metadata.deletion_timestamp is not None:
        return []  # its children go with it
    known, warming = fetching(snapshot), desired.warming
    kept = [*kept_jobs(known), *(warming.kept if warming else ())]
    names = {each["metadata"]["name"] for each in kept}
    actions = list(stale(snapshot.children, "Job", names))
    actions += restored(snapshot.children, kept)
    actions += plan_weights(snapshot, known)
    if warming is not None:
        actions += _warm_up(snapshot.now, warming)
    return actions


def _warm_up(now: datetime, warming: Warming) -> Iterator[Action]:
    if warming.yields and warming.latest and not warming.latest.finished:
        message = f"the warm-up waits: no node has room for {', '.join(warming.yields_to)}"
        yield RecordEvent("Normal", conditions.WARMUP_YIELDS, message)
    match warming.following(now):
        case datetime() as due:
            yield Requeue.at(due, now)
        case dict() as job:
            yield Create(job)  # a Job cannot be changed; another one has another name
