"""A VideoModel's snapshot -> its claim, the Jobs that fetch its weights, and its warm-up Job."""

from __future__ import annotations

from matinee_api.kinds.compute import ComputeResources
from matinee_operator.actions import Action, Create, Delete
from matinee_operator.fetching.attempts import fetching
from matinee_operator.objects import key_of
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.plan.compare import stale, uid_of
from matinee_operator.plan.weights import kept_jobs, plan_weights
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.warmup_job import warmup_job
from matinee_operator.weights.available import weights_of


def plan_model(snapshot: ModelSnapshot) -> list[Action]:
    if snapshot.model.metadata.deletion_timestamp is not None:
        return []  # its children go with it
    known, job = fetching(snapshot), wanted_job(snapshot)
    kept = kept_jobs(known) | ({job["metadata"]["name"]} if job else set())
    actions: list[Action] = [
        Delete(key, uid_of(snapshot.children, key)) for key in stale(snapshot.children, "Job", kept)
    ]
    actions += plan_weights(snapshot, known)
    if job and key_of(job) not in snapshot.children:
        actions.append(Create(job))  # a Job cannot be changed; another one has another name
    return actions


def wanted_job(snapshot: ModelSnapshot) -> Manifest | None:
    """None while there is nothing to warm up, or nobody says on which device."""
    model = snapshot.model
    resources = warmup_resources(snapshot)
    if resources is None or not model.spec.warmup.enabled or weights_of(model) is None:
        return None
    return warmup_job(model, resources, snapshot.installation)


def warmup_resources(snapshot: ModelSnapshot) -> ComputeResources | None:
    """What the model says, else what its first service asks for."""
    own = snapshot.model.spec.warmup.resources
    if own is not None:
        return own
    services = sorted(snapshot.services, key=lambda service: service.metadata.name)
    return services[0].spec.resources if services else None
