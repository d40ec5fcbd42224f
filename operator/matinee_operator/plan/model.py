"""A VideoModel's snapshot -> its claim, the Jobs that fetch its weights, and its warm-up Job."""

from __future__ import annotations

from matinee_operator.actions import Action, Create
from matinee_operator.desired import DesiredModel
from matinee_operator.fetching import fetching
from matinee_operator.objects import key_of
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.plan.compare import restored, stale
from matinee_operator.plan.weights import kept_jobs, plan_weights


def plan_model(snapshot: ModelSnapshot, desired: DesiredModel) -> list[Action]:
    if snapshot.model.metadata.deletion_timestamp is not None:
        return []  # its children go with it
    known, job = fetching(snapshot), desired.warmup_job
    kept = [*kept_jobs(known), *([job] if job else ())]
    names = {each["metadata"]["name"] for each in kept}
    actions = list(stale(snapshot.children, "Job", names))
    actions += restored(snapshot.children, kept)
    actions += plan_weights(snapshot, known)
    if job and key_of(job) not in snapshot.children:
        actions.append(Create(job))  # a Job cannot be changed; another one has another name
    return actions
