"""A VideoModel's claim, and the Jobs that resolve and fetch, with a backoff between attempts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from matinee_api.backoff import backoff
from matinee_operator.actions import Action, Apply, Create, Requeue
from matinee_operator.fetching import Fetching, Step
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.plan.compare import restored
from matinee_operator.resources.fetch_job import attempted
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.weights_claim import weights_claim

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 60.0, 1800.0


def plan_weights(snapshot: ModelSnapshot, known: Fetching) -> Iterator[Action]:
    yield from _claim(snapshot, known)
    if known.resolve and any(tree.pin is None for tree in known.trees):
        yield from _attempt(snapshot.now, known.resolve)
    if known.download and any(map(known.is_missing, known.download.trees)):
        yield from _attempt(snapshot.now, known.download)


def kept_jobs(known: Fetching) -> list[Manifest]:
    """They stay for people to look at, also when everything is done."""
    steps = (known.resolve, known.download)
    return [attempted(step.manifest, number) for step in steps if step for number in step.kept]


def _claim(snapshot: ModelSnapshot, known: Fetching) -> Iterator[Action]:
    """It is made once and only ever grows: a claim cannot shrink."""
    claim = known.claim
    if claim is None or not claim.size_bytes:
        return
    manifest = weights_claim(snapshot.model, claim.size_bytes)
    if claim.uid is None:
        yield Create(manifest)
    elif claim.size_bytes > claim.observed_bytes:
        yield Apply(manifest)
    else:
        yield from restored(snapshot.children, [manifest])


def _attempt(now: datetime, step: Step) -> Iterator[Action]:
    if step.job is None:
        yield Create(attempted(step.manifest, 0))
    elif step.job.finished:
        due = (step.job.finished_at or now) + timedelta(seconds=backoff_s(step.job.attempt))
        if due <= now:
            yield Create(attempted(step.manifest, step.job.attempt + 1))
        else:
            yield Requeue.at(due, now)


def backoff_s(attempt: int) -> float:
    """The backoff after an attempt, from 0: Secrets are not watched, and may have been fixed."""
    return backoff(attempt + 1, FIRST_BACKOFF_S, LONGEST_BACKOFF_S)
