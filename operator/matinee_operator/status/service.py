"""A StreamingService's snapshot -> its status."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from matinee_api.kinds import conditions
from matinee_api.kinds.jobs import JobCounts
from matinee_api.kinds.streamingservice import PodStatus, SessionCounts, StreamingServiceStatus
from matinee_operator import labels
from matinee_operator.amounts import counted
from matinee_operator.autoscaling import jobs_of
from matinee_operator.desired import DesiredService, RolloutTarget
from matinee_operator.objects import moment, stamp
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import ServiceSnapshot
from matinee_operator.resources.headless_service import service_url
from matinee_operator.status.conditions import Finding, conditions_of, finding
from matinee_operator.status.trouble import most_actionable
from matinee_operator.weights.available import why_missing

LISTED_PODS = 64


def service_status(snapshot: ServiceSnapshot, desired: DesiredService) -> StreamingServiceStatus:
    meta, before = snapshot.service.metadata, snapshot.service.status
    found = _Observation(snapshot, desired)
    findings = found.findings()
    counted = [pod for pod in found.live if not pod.finished]
    return StreamingServiceStatus(
        observed_generation=meta.generation,
        phase=_phase(snapshot, findings),
        url=service_url(snapshot.service),
        desired_replicas=found.replicas,
        low_demand=desired.scale.low,
        last_start=desired.start,
        replicas=len(counted),
        ready_replicas=sum(pod.ready for pod in counted),
        servable_replicas=len(found.serving),
        updated_replicas=len(found.current),
        draining_replicas=len(found.draining),
        selector=f"{labels.SERVICE}={meta.name}",
        current_revision=found.current_revision(before.current_revision if before else None),
        update_revision=found.target.revision if found.target else None,
        sessions=_sessions(counted, found.serving),
        jobs=_jobs(snapshot),
        pods=tuple(map(pod_status, snapshot.pods[:LISTED_PODS])),
        conditions=conditions_of(
            findings,
            before.conditions if before else (),
            meta.generation or 0,
            snapshot.now,
        ),
    )


def _sessions(counted: list[ObservedPod], serving: list[ObservedPod]) -> SessionCounts:
    return SessionCounts(
        active=sum(pod.sessions for pod in counted),
        queued=sum(pod.slots.queued for pod in counted if pod.slots),
        capacity=sum(pod.slots.total for pod in serving if pod.slots),
    )


def _jobs(snapshot: ServiceSnapshot) -> JobCounts:
    waiting, making = jobs_of(snapshot.pods)
    return JobCounts(waiting=waiting, making=making)


class _Observation:
    """The counts that several conditions are made from."""

    def __init__(self, snapshot: ServiceSnapshot, desired: DesiredService) -> None:
        self._snapshot = snapshot
        self.target = desired.pods.target if desired.pods else None
        self.replicas = desired.scale.replicas
        self._model_trouble = desired.model_trouble
        self._held = desired.held
        self.live = [pod for pod in snapshot.pods if pod.live]
        self.serving = [pod for pod in self.live if pod.serving]
        self.unknown = [pod for pod in self.live if pod.able and pod.unknown_to]
        self.draining = [pod for pod in self.live if pod.cordoned]
        self.current = [pod for pod in self.live if self._is_current(pod)]
        self.current_serving = [pod for pod in self.current if pod.serving]

    def _is_current(self, pod: ObservedPod) -> bool:
        return self.target is not None and pod.revision == self.target.revision

    def current_revision(self, before: str | None) -> str | None:
        return self.target.revision if self.target and self._complete() else before

    def _complete(self) -> bool:
        return (
            self.target is not None
            and len(self.current_serving) == self.replicas
            and len(self.live) == self.replicas
            and self._snapshot.service.metadata.deletion_timestamp is None
        )

    def findings(self) -> tuple[Finding, ...]:
        progressing = self._progressing()
        degraded = self._degraded(progressing)
        return (
            self._ready(progressing, degraded),
            self._servable(),
            progressing,
            self._draining(),
            degraded,
        )

    def _ready(self, progressing: Finding, degraded: Finding) -> Finding:
        if self._complete():
            message = f"{self.replicas} of {self.replicas} pods serve the current revision"
            return finding(conditions.READY, True, conditions.AS_DESIRED, message)
        message = f"{len(self.current_serving)} of {self.replicas} pods serve the current revision"
        why = degraded if degraded.holds else progressing
        if why.message:
            message = f"{message}; {why.message}"
        return finding(conditions.READY, False, why.reason, message)

    def _servable(self) -> Finding:
        if self.serving:
            message = f"new sessions go to {counted(len(self.serving), 'pod')}"
            return finding(conditions.SERVABLE, True, conditions.SERVING, message)
        if self.unknown:
            message = unknown_message(self.unknown)
            return finding(conditions.SERVABLE, False, conditions.ROUTER_LAGGING, message)
        if self.replicas:
            message = "no pod takes sessions"
            return finding(conditions.SERVABLE, False, conditions.NO_READY_PODS, message)
        message = "no pod is wanted"
        scaling = self._snapshot.service.spec.autoscaling
        if scaling is not None and scaling.mode == "Builtin":
            message += (
                "; the first viewer at a Router brings one"
                if self._snapshot.routers
                else "; viewers who come bring none, because no Router names the service"
            )
        return finding(conditions.SERVABLE, False, conditions.SCALED_TO_ZERO, message)

    def _progressing(self) -> Finding:
        reason, message = self._progress()
        return finding(conditions.PROGRESSING, reason != conditions.AS_DESIRED, reason, message)

    def _progress(self) -> tuple[str, str]:
        service, model = self._snapshot.service, self._snapshot.model
        if service.metadata.deletion_timestamp is not None:
            return conditions.DELETING, f"{counted(len(self.live), 'pod')} left"
        if self.target is None:
            name = service.spec.model_ref.name
            if model is None:
                return (
                    conditions.WAITING_FOR_MODEL,
                    f"there is no VideoModel {name} in this namespace",
                )
            return conditions.WAITING_FOR_MODEL, f"VideoModel {name}: {why_missing(model).message}"
        if self._model_trouble is not None:
            message = f"VideoModel {service.spec.model_ref.name}: {self._model_trouble.message}"
            return conditions.WAITING_FOR_MODEL, message
        return self._pod_progress(self.target)

    def _pod_progress(self, target: RolloutTarget) -> tuple[str, str]:
        others = [pod for pod in self.live if pod.revision != target.revision]
        if others and target.paused:
            return (
                conditions.PAUSED,
                f"rollout.paused: {counted(len(others), 'pod')} of an older revision stay",
            )
        moving = [pod for pod in self.live if target.outdates(pod)]
        if moving:
            return conditions.ROLLING_OUT, f"{counted(len(moving), 'pod')} to be replaced"
        if len(self.live) != self.replicas:
            return (
                conditions.SCALING,
                f"{counted(len(self.live), 'pod')} of {self.replicas} wanted",
            )
        if not self._complete():
            if self.unknown:
                return conditions.ROUTER_LAGGING, unknown_message(self.unknown)
            starting = len(self.live) - len(self.current_serving)
            return conditions.PODS_STARTING, f"{counted(starting, 'pod')} not serving yet"
        return conditions.AS_DESIRED, ""

    def _draining(self) -> Finding:
        sessions = sum(pod.sessions for pod in self.draining)
        if self.draining:
            pods = counted(len(self.draining), "pod")
            message = f"{counted(sessions, 'session')} on {pods}"
            return finding(conditions.DRAINING, True, conditions.SESSIONS_REMAIN, message)
        return finding(conditions.DRAINING, False, conditions.NO_SESSIONS_WAIT)

    def _degraded(self, progressing: Finding) -> Finding:
        trouble = most_actionable(
            self._snapshot, has_weights=self.target is not None, complete=self._complete()
        )
        trouble = trouble or self._failed_warm_up() or self._lost_record()
        if trouble is not None:
            return finding(conditions.DEGRADED, True, trouble.reason, trouble.message)
        if progressing.holds and self._is_late():
            seconds = self._snapshot.service.spec.rollout.progress_deadline_seconds
            message = f"no progress for {seconds} s: {progressing.message}"
            return finding(
                conditions.DEGRADED, True, conditions.PROGRESS_DEADLINE_EXCEEDED, message
            )
        return finding(conditions.DEGRADED, False, conditions.NOTHING_WRONG)

    def _failed_warm_up(self) -> Trouble | None:
        """The one that this service has to wait for."""
        trouble = self._model_trouble
        if trouble is None or trouble.reason == conditions.WARMING_UP:
            return None
        name = self._snapshot.service.spec.model_ref.name
        return Trouble(trouble.reason, f"VideoModel {name}: {trouble.message}")

    def _lost_record(self) -> Trouble | None:
        """Of the revision that is held: nobody knows what its pods were made of."""
        revision = self._held.target.revision if self._held and self._held.pod is None else ""
        is_deleted = self._snapshot.service.metadata.deletion_timestamp is not None
        staying = [pod for pod in self.live if not pod.cordoned]
        if not revision or is_deleted or len(staying) >= self.replicas:
            return None
        message = (
            f"no record of revision {revision} is left, so pods of it that go are not replaced; "
            "go on with the rollout: rollout.paused: false, and a VideoModel that is Ready"
        )
        return Trouble(conditions.REVISION_NOT_RECORDED, message)

    def _is_late(self) -> bool:
        since = progress_since(self._snapshot)
        seconds = self._snapshot.service.spec.rollout.progress_deadline_seconds
        waits = bool(self.draining) or self._snapshot.service.spec.rollout.paused
        late = since is not None and self._snapshot.now - since >= timedelta(seconds=seconds)
        return late and not waits and self.target is not None


def unknown_message(pods: list[ObservedPod]) -> str:
    """Of pods that are able, and that a live router sends no viewers to."""
    first, *others = pods
    more = f" (nor to {len(others)} more)" if others else ""
    return (
        f"the router pod {first.unknown_to[0]} sends no viewers to {first.name}{more}: it learns "
        "of new pods within seconds, else its log says why it does not reach them"
    )


def progress_since(snapshot: ServiceSnapshot) -> datetime | None:
    """When there was progress last: a pod was made or became ready, or the rollout began."""
    status = snapshot.service.status
    before = status.conditions if status else ()
    began = [
        moment(one.last_transition_time)
        for one in before
        if one.type == conditions.PROGRESSING and one.status == "True"
    ]
    if not began:
        return None
    made = [pod.created for pod in snapshot.pods]
    ready = [pod.ready_since for pod in snapshot.pods if pod.ready_since]
    return max([*began, *made, *ready])


def pod_status(pod: ObservedPod) -> PodStatus:
    return PodStatus(
        name=pod.name,
        revision=pod.revision,
        state=_pod_state(pod),
        sessions=pod.sessions,
        drain_deadline=stamp(pod.drain_deadline) if pod.drain_deadline else None,
        message=_why_not(pod)[:200],
    )


def _why_not(pod: ObservedPod) -> str:
    if pod.trouble is not None:
        return pod.trouble.message
    return unknown_message([pod]) if pod.able and pod.unknown_to else ""


def _pod_state(
    pod: ObservedPod,
) -> Literal["Pending", "Loading", "Serving", "Cordoned", "Draining", "Failed"]:
    if pod.finished or pod.trouble is not None:
        return "Failed"
    if pod.cordoned or pod.terminating:
        return "Draining" if pod.sessions else "Cordoned"
    if pod.serving:
        return "Serving"
    return "Loading" if pod.running else "Pending"


def _phase(snapshot: ServiceSnapshot, findings: tuple[Finding, ...]) -> str:
    """One word for people."""
    ready, _, progressing, _, degraded = findings
    if snapshot.service.metadata.deletion_timestamp is not None:
        return "Deleting"
    if degraded.holds:
        return "Degraded"
    return "Ready" if ready.holds else progressing.reason
