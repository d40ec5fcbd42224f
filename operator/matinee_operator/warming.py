"""A VideoModel's snapshot -> how far its warm-up is, and what comes next. Pure.

A Job that failed is retried by another attempt, after a backoff. It yields to runtime pods that
find no room, unless the policy is `Required`: then these pods wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from matinee_api.backoff import backoff
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.observe.jobs import ObservedJob, attempts_of
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.resources.metadata import Manifest

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 60.0, 1800.0


@dataclass(frozen=True, slots=True)
class Warming:
    """The Job that is wanted, its latest attempt, and the latest that ended."""

    manifest: Manifest
    latest: ObservedJob | None = None
    ended: ObservedJob | None = None
    yields_to: tuple[str, ...] = ()
    """Runtime pods that find no room."""

    @property
    def complete(self) -> bool:
        return self.latest is not None and self.latest.complete

    @property
    def kept(self) -> list[Manifest]:
        """The Job that runs, and the one that says what went wrong before."""
        found = {job.attempt for job in (self.latest, self.ended) if job}
        if self.yields and self.latest is not None and not self.latest.finished:
            found.discard(self.latest.attempt)
        return [nth(self.manifest, number) for number in sorted(found)]

    @property
    def yields(self) -> bool:
        return bool(self.yields_to) and not self.complete

    def following(self, now: datetime) -> Manifest | datetime | None:
        """The Job to make now, or when it is due."""
        if self.yields or self.complete:
            return None
        if self.latest is None:
            return self.manifest
        if not self.latest.finished:
            return None
        number = self.latest.attempt + 1
        pause_s = backoff(number, FIRST_BACKOFF_S, LONGEST_BACKOFF_S)
        due = (self.latest.finished_at or now) + timedelta(seconds=pause_s)
        return due if due > now else nth(self.manifest, number)


def is_wanted(model: VideoModel) -> bool:
    return model.spec.warmup.enabled and model.spec.warmup.policy != "None"


def is_required(model: VideoModel) -> bool:
    return model.spec.warmup.enabled and model.spec.warmup.policy == "Required"


def warming(snapshot: ModelSnapshot, manifest: Manifest) -> Warming:
    name = manifest["metadata"]["name"]
    jobs = attempts_of(name, snapshot.children, snapshot.job_pods, snapshot.refusals)
    ended = [job for job in jobs if job.finished]
    return Warming(
        manifest=manifest,
        latest=jobs[-1] if jobs else None,
        ended=ended[-1] if ended else None,
        yields_to=() if is_required(snapshot.model) else snapshot.without_room,
    )


def nth(job: Manifest, attempt: int) -> Manifest:
    """The Job under the name of its n-th attempt; the first has the plain one."""
    if not attempt:
        return job
    meta = job["metadata"]
    return {**job, "metadata": {**meta, "name": f"{meta['name']}-{attempt}"}}
