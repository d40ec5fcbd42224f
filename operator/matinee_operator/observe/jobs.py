"""A Job and its pods, as the API server gives them -> the few facts that decisions need. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from matinee_api.kinds import conditions
from matinee_api.whole_number import whole_number
from matinee_operator.errors import with_remedy
from matinee_operator.objects import Key, Object, condition, moment
from matinee_operator.observe.pod_trouble import Trouble, is_sidecar, last_line, pod_trouble
from matinee_operator.ownership import controller_of

_KUBERNETES_OWN = ("foregroundDeletion", "orphan")
"""Finalizers that its garbage collector takes off by itself."""


@dataclass(frozen=True, slots=True)
class ObservedJob:
    """One Job. It is finished when it is complete or has a `failure`, and runs until then.
    `attempt`: of those that do the same, from 0."""

    name: str
    attempt: int = 0
    complete: bool = False
    failure: str | None = None
    """Why Kubernetes gave it up."""
    finished_at: datetime | None = None
    ends: tuple[Object, ...] = ()
    """How its containers ended, oldest first."""
    waits_for: Trouble | None = None
    """What keeps its pod from starting."""

    @property
    def finished(self) -> bool:
        return self.complete or self.failure is not None

    def why(self, otherwise: str) -> Trouble:
        """Why it failed: what its last pod said, and `otherwise` as the reason."""
        cause = self.failure or "it ended without a result"
        failed = [end for end in self.ends if end.get("exitCode")]
        if not failed:
            return Trouble(otherwise, cause)
        if failed[-1].get("reason") == "OOMKilled":
            return Trouble(conditions.OUT_OF_MEMORY, f"{cause}: OOMKilled")
        said = last_line(str(failed[-1].get("message", "")))
        said = said or f"exit code {failed[-1]['exitCode']}"
        return Trouble(otherwise, f"{cause}: {said}")


def attempts_of(
    base: str,
    children: Mapping[Key, Object],
    pods: Iterable[Object],
    refusals: Mapping[str, str] = MappingProxyType({}),
) -> list[ObservedJob]:
    """The Jobs of that name, and of that name with a number, which is the attempt; oldest first.
    Names cannot be edited. `refusals`: uids of Jobs whose pods were refused, and why."""
    numbers = {key: _attempt_of(key, base) for key in children if key.kind == "Job"}
    found = [
        observed_job(children[key], pods, number, refusals)
        for key, number in numbers.items()
        if number is not None
    ]
    return sorted(found, key=lambda job: job.attempt)


def _attempt_of(key: Key, base: str) -> int | None:
    head, _, number = key.name.rpartition("-")
    if key.name == base:
        return 0
    return whole_number(number) if head == base else None


def observed_job(
    raw: Object,
    pods: Iterable[Object],
    attempt: int = 0,
    refusals: Mapping[str, str] = MappingProxyType({}),
) -> ObservedJob:
    """`pods`: of any Jobs; its own are those that it controls."""
    meta, status = raw["metadata"], raw.get("status", {})
    own = [pod for pod in pods if (controller_of(pod) or {}).get("uid") == meta["uid"]]
    refusal = None if own else refusals.get(meta["uid"])
    complete, failed = condition(status, "Complete"), condition(status, "Failed")
    is_complete, is_failed = complete.get("status") == "True", failed.get("status") == "True"
    end = complete if is_complete else failed if is_failed else {}
    changed = end.get("lastTransitionTime")
    return ObservedJob(
        name=meta["name"],
        attempt=attempt,
        complete=is_complete,
        failure=str(failed.get("message") or failed.get("reason", "failed")) if is_failed else None,
        finished_at=moment(changed) if changed else None,
        ends=tuple(sorted(_ends(own), key=lambda end: str(end.get("finishedAt")))),
        waits_for=(None if end else _held(meta)) or _waits_for(own, refusal),
    )


def _waits_for(own: Iterable[Object], refusal: str | None) -> Trouble | None:
    if refusal is not None:
        return Trouble(conditions.POD_REFUSED, with_remedy(refusal))
    waiting = (pod_trouble(pod) for pod in own if pod["status"].get("phase") == "Pending")
    return next((trouble for trouble in waiting if trouble), None)


def _held(meta: Object) -> Trouble | None:
    """A Job that is being deleted runs no pods, and the next one has its name."""
    others = [one for one in meta.get("finalizers") or () if one not in _KUBERNETES_OWN]
    if "deletionTimestamp" not in meta or not others:
        return None
    message = f"Job {meta['name']} is being deleted and held by the finalizer {', '.join(others)}"
    return Trouble(conditions.FINALIZER_HOLDS, f"{message}; take it off for another Job to be made")


def _ends(pods: Iterable[Object]) -> Iterable[Object]:
    """How a sidecar ends says nothing about the Job."""
    for pod in pods:
        for container in pod.get("status", {}).get("containerStatuses", []):
            end = container.get("state", {}).get("terminated")
            if end and not is_sidecar(container):
                yield end
