"""A StreamingService's snapshot -> what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from matinee_api.kinds import conditions as words
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator import labels
from matinee_operator.actions import Action, Create, Delete, Drain, Patch, Requeue, Tell
from matinee_operator.amounts import counted
from matinee_operator.objects import Key, stamp
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import ServiceSnapshot
from matinee_operator.plan.autoscaling import Scale, scale_of, told
from matinee_operator.plan.compare import applied, stale, uid_of
from matinee_operator.plan.finalizer import finalizer
from matinee_operator.plan.marks import marks
from matinee_operator.plan.rollout import Rollout, Wanted, roll_out
from matinee_operator.resources.admin_secret import admin_secret, secret_name
from matinee_operator.resources.disruption_budget import disruption_budget
from matinee_operator.resources.headless_service import headless_service
from matinee_operator.resources.metadata import Manifest, namespace_of
from matinee_operator.resources.network_policy import network_policy
from matinee_operator.resources.pod_monitor import pod_monitor
from matinee_operator.resources.runtime_config import config_name, config_text, runtime_config
from matinee_operator.resources.runtime_pod import runtime_pod
from matinee_operator.revision import revision_of
from matinee_operator.weights.available import weights_of


def plan_service(snapshot: ServiceSnapshot) -> list[Action]:
    model = snapshot.model
    if snapshot.service.metadata.deletion_timestamp is not None:
        return [*_roll(snapshot, model, _nothing()), *finalizer(snapshot)]
    actions: list[Action] = [*finalizer(snapshot), *applied(snapshot.children, _always(snapshot))]
    if model is None or weights_of(model) is None:
        return actions  # pods that are there stay as they are
    actions += applied(snapshot.children, [runtime_config(model, snapshot.service)])
    actions += _scale(snapshot, scale_of(snapshot))
    actions += _roll(snapshot, model, wanted_of(snapshot, model))
    actions += _stale_configs(snapshot, model)
    return actions


def wanted_of(snapshot: ServiceSnapshot, model: VideoModel) -> Wanted:
    spec = snapshot.service.spec
    return Wanted(
        revision=revision_of(model, snapshot.service, snapshot.installation),
        replicas=scale_of(snapshot).replicas,
        max_surge=spec.rollout.max_surge,
        max_unavailable=spec.rollout.max_unavailable,
        paused=spec.rollout.paused,
    )


def _nothing() -> Wanted:
    """A service that is being deleted wants no pods, and drains those that it has."""
    return Wanted(revision="", replicas=0, max_surge=0, max_unavailable=0)


def _always(snapshot: ServiceSnapshot) -> list[Manifest]:
    """Children that do not depend on the model."""
    service = snapshot.service
    made = [headless_service(service), disruption_budget(service), network_policy(service)]
    if snapshot.installation.has_pod_monitors:
        made.append(pod_monitor(service))
    return made


def _scale(snapshot: ServiceSnapshot, scale: Scale) -> Iterator[Action]:
    """What was decided is carried out by the rollout; here it is told, and looked at in time."""
    scaling, status = snapshot.service.spec.autoscaling, snapshot.service.status
    before = status.desired_replicas if status else None
    is_builtin = scaling is not None and scaling.mode == "Builtin"
    if is_builtin and before is not None and before != scale.replicas:
        yield Tell("Normal", "Scaled", told(snapshot, before, scale.replicas))
    if scale.look_again_at:
        yield Requeue(max(0.0, (scale.look_again_at - snapshot.now).total_seconds()) + 0.1)


def _roll(snapshot: ServiceSnapshot, model: VideoModel | None, wanted: Wanted) -> Iterator[Action]:
    decided = roll_out(snapshot.now, wanted, snapshot.pods)
    deadline = snapshot.now + timedelta(seconds=snapshot.service.spec.drain.timeout_seconds)
    if model is not None:
        yield from _make(snapshot, model, wanted.revision, decided)
    for pod in decided.cordoned:
        playing = counted(pod.sessions, "session")
        message = f"{pod.name} takes no new sessions; {playing} may play on until {stamp(deadline)}"
        since, until = stamp(snapshot.now), stamp(deadline)
        told_when = {labels.CORDONED_AT: since, labels.DRAIN_DEADLINE: until}
        yield Patch(*_target(snapshot, pod), {"annotations": told_when})
        yield Tell("Normal", "Draining", message)
    yield from _drains(snapshot, decided)
    yield from marks(snapshot, wanted, decided)
    for pod in decided.deleted:
        yield Delete(*_target(snapshot, pod))
        yield Tell("Normal", "PodDeleted", f"deleted {pod.name}: {_why(snapshot.now, pod)}")
    if decided.look_again_at:
        seconds = (min(decided.look_again_at) - snapshot.now).total_seconds()
        yield Requeue(max(0.0, seconds) + 0.1)


def _make(
    snapshot: ServiceSnapshot, model: VideoModel, revision: str, decided: Rollout
) -> Iterator[Action]:
    secret = secret_name(snapshot.service, snapshot.token)
    is_missed = any(
        pod.trouble
        and pod.trouble.reason == words.POD_CONFIG_INVALID
        and secret in pod.trouble.message
        for pod in snapshot.pods
    )
    if decided.made or is_missed:
        yield Create(admin_secret(snapshot.service, snapshot.token))
    for slot, attempt in decided.made.items():
        pod = runtime_pod(
            model,
            snapshot.service,
            snapshot.installation,
            revision=revision,
            slot=slot,
            attempt=attempt,
            secret=secret,
            routers=snapshot.routers,
        )
        yield Create(pod)
        yield Tell("Normal", "PodCreated", f"created {pod['metadata']['name']}")


def _drains(snapshot: ServiceSnapshot, decided: Rollout) -> Iterator[Action]:
    """Pods that were cordoned and have not said yet that they know it. A pod that drains refuses
    viewers: it is told when no Service leads new ones there any more."""
    propagation = snapshot.installation.propagation
    for pod in snapshot.pods:
        if pod in decided.deleted or not (pod.live and pod.running and pod.ip):
            continue
        if pod.drain_deadline is None or (pod.slots and pod.slots.draining):
            continue
        unseen_from = pod.cordoned_at + propagation if pod.cordoned_at and pod.ready else None
        if unseen_from and snapshot.now < unseen_from:
            decided.look_again_at.append(unseen_from)
        else:
            seconds = max(0.0, (pod.drain_deadline - snapshot.now).total_seconds())
            migrate = snapshot.service.spec.drain.on_deadline == "Migrate"
            yield Drain(pod.name, pod.ip, seconds, migrate)


def _stale_configs(snapshot: ServiceSnapshot, model: VideoModel) -> Iterator[Action]:
    """ConfigMaps that no pod reads any more."""
    current = config_name(snapshot.service, config_text(model, snapshot.service))
    used = {pod.config for pod in snapshot.pods}
    for key in stale(snapshot.children, "ConfigMap", {current, *used}):
        yield Delete(key, uid_of(snapshot.children, key))


def _target(snapshot: ServiceSnapshot, pod: ObservedPod) -> tuple[Key, str]:
    return Key("Pod", namespace_of(snapshot.service.metadata), pod.name), pod.uid


def _why(now: datetime, pod: ObservedPod) -> str:
    if pod.finished:
        return pod.trouble.message if pod.trouble else "it ended"
    if pod.drain_deadline is None:
        return "it served nobody and is not needed"
    if pod.drain_deadline <= now and pod.sessions:
        return f"its drain deadline has passed, {counted(pod.sessions, 'session')} left"
    return "its last session has ended"
