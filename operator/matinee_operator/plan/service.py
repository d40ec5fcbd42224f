"""A StreamingService's snapshot -> what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from matinee_operator import labels
from matinee_operator.actions import (
    Action,
    Create,
    Delete,
    Drain,
    Patch,
    RecordEvent,
    Requeue,
    SetDoor,
)
from matinee_operator.amounts import counted
from matinee_operator.autoscaling import Scale, scaled_message
from matinee_operator.desired import NO_PODS, DesiredService, RolloutTarget
from matinee_operator.objects import Key, key_of, stamp
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import ServiceSnapshot
from matinee_operator.plan.compare import applied, restored, stale
from matinee_operator.plan.finalizer import finalizer
from matinee_operator.plan.marks import marks
from matinee_operator.plan.revisions import old_revisions, pod_of, revision_of_service
from matinee_operator.plan.rollout import Rollout, roll_out
from matinee_operator.resources.admin_secret import admin_secret
from matinee_operator.resources.disruption_budget import disruption_budget
from matinee_operator.resources.headless_service import headless_service
from matinee_operator.resources.metadata import Manifest, namespace_of
from matinee_operator.resources.network_policy import network_policy
from matinee_operator.resources.pod_monitor import pod_monitor
from matinee_operator.resources.revision_record import config_of, in_slot
from matinee_operator.resources.runtime_pod import pod_marks

LONGEST_DRAIN_S = 86400.0
"""In the order to a pod; somebody may have edited its deadline."""
LONGEST_LISTED = timedelta(seconds=10)
"""After the cordon. Who writes EndpointSlices may be down, or somebody else may write them."""


def plan_service(snapshot: ServiceSnapshot, desired: DesiredService) -> list[Action]:
    if snapshot.service.metadata.deletion_timestamp is not None:
        decided = roll_out(snapshot.now, NO_PODS, snapshot.pods)
        return [*_roll(snapshot, NO_PODS, decided), *finalizer(snapshot)]
    always = _always(snapshot, desired)
    actions: list[Action] = [*finalizer(snapshot), *applied(snapshot.children, always)]
    actions += _unwanted_monitors(snapshot)
    decided = roll_out(snapshot.now, desired.target, snapshot.pods)
    actions += revision_of_service(snapshot, desired)
    actions += _scale(snapshot, desired.scale)
    actions += _make(snapshot, pod_of(snapshot, desired) if decided.made else None, decided)
    actions += _roll(snapshot, desired.target, decided)
    actions += old_revisions(snapshot, desired)
    return actions


def _always(snapshot: ServiceSnapshot, desired: DesiredService) -> list[Manifest]:
    """Children that do not depend on the model."""
    service = snapshot.service
    made = [
        headless_service(service, desired.start.seconds if desired.start else None),
        disruption_budget(service),
        network_policy(service, snapshot.installation, snapshot.routers),
    ]
    if snapshot.installation.monitors is not None:
        made.append(pod_monitor(service, snapshot.installation.monitors))
    return made


def _unwanted_monitors(snapshot: ServiceSnapshot) -> Iterator[Action]:
    """Of a time when they were not switched off."""
    if snapshot.installation.monitors is None:
        yield from stale(snapshot.children, "PodMonitor", set())


def _scale(snapshot: ServiceSnapshot, scale: Scale) -> Iterator[Action]:
    """The rollout carries the decision out; here are its Event, and the time to reconcile again."""
    scaling, status = snapshot.service.spec.autoscaling, snapshot.service.status
    before = status.desired_replicas if status else None
    is_builtin = scaling is not None and scaling.mode == "Builtin"
    if is_builtin and before is not None and before != scale.replicas:
        yield RecordEvent("Normal", "Scaled", scaled_message(snapshot, before, scale.replicas))
    if scale.requeue_at:
        yield Requeue.at(scale.requeue_at, snapshot.now)


def _roll(snapshot: ServiceSnapshot, target: RolloutTarget, decided: Rollout) -> Iterator[Action]:
    """Cordon, drain and delete what has to go."""
    yield from restored(snapshot.children, _pod_marks(snapshot, target, decided))
    for pod in decided.cordoned:
        yield from _cordon(snapshot, pod)
    drains = [_drain(snapshot, pod) for pod in _undrained(snapshot, decided)]
    yield from (drain for drain in drains if isinstance(drain, Drain))
    yield from _doors(snapshot)
    yield from marks(snapshot, target, decided)
    yield from _strangers(snapshot)
    for pod in decided.deleted:
        key, uid = _key(snapshot, pod)
        yield Delete(key, uid, pod.version)
        message = f"deleted {pod.name}: {_why(snapshot.now, pod)}"
        yield RecordEvent("Normal", "PodDeleted", message, (key,))
    due = [*decided.requeue_at, *(each for each in drains if isinstance(each, datetime))]
    if due:
        yield Requeue.at(min(due), snapshot.now)


def _pod_marks(
    snapshot: ServiceSnapshot, target: RolloutTarget, decided: Rollout
) -> Iterator[Manifest]:
    for pod in snapshot.pods:
        if pod.live and pod not in decided.deleted:
            current = pod.revision == target.revision and not target.paused
            yield pod_marks(snapshot.service, pod, current=current)


def _strangers(snapshot: ServiceSnapshot) -> Iterator[Action]:
    for name in snapshot.strangers:
        message = (
            f"Pod {name} carries the labels of this service and is not its own: viewers may be "
            f"sent there. Take the label {labels.ACCEPTING} off it, or delete it"
        )
        yield RecordEvent("Warning", "ForeignPod", message)
    for name in snapshot.taken_over:
        message = (
            f"Pod {name} was made for this service and has another controller now: it is left "
            "alone and keeps its GPU. Take that ownerReference off it, or delete it"
        )
        yield RecordEvent("Warning", "ForeignPod", message)


def _make(snapshot: ServiceSnapshot, wanted: Manifest | None, decided: Rollout) -> Iterator[Action]:
    """`wanted`: a pod of any slot; None: no record of one is left."""
    # The kubelet says nothing of a volume that it cannot make: a pod may wait for its Secret.
    secrets = [admin_secret(snapshot.service, *tokens) for tokens in snapshot.pod_tokens]
    if wanted or any(pod.is_being_made for pod in snapshot.pods):
        yield from map(Create, secrets)
    for slot, attempt in decided.made.items():
        if wanted is None:
            return
        pod = in_slot(snapshot.service, wanted, slot, attempt)
        config = Key("ConfigMap", pod["metadata"]["namespace"], config_of(pod))
        needs = (config, *map(key_of, secrets))
        yield Create(pod, needs)
        made = (*needs, key_of(pod))
        yield RecordEvent("Normal", "PodCreated", f"created {pod['metadata']['name']}", made)


def _cordon(snapshot: ServiceSnapshot, pod: ObservedPod) -> Iterator[Action]:
    timeout = timedelta(seconds=snapshot.service.spec.drain.timeout_seconds)
    since, until = stamp(snapshot.now), stamp(snapshot.now + timeout)
    annotations = {labels.CORDONED_AT: since, labels.DRAIN_DEADLINE: until}
    key, uid = _key(snapshot, pod)
    yield Patch(key, uid, {"annotations": annotations})
    playing = counted(pod.sessions, "session")
    message = f"{pod.name} takes no new sessions; {playing} may play on until {until}"
    yield RecordEvent("Normal", "Draining", message, (key,))


def _undrained(snapshot: ServiceSnapshot, decided: Rollout) -> Iterator[ObservedPod]:
    """Pods that were cordoned and have not confirmed yet that they drain."""
    for pod in snapshot.pods:
        confirmed = pod.slots is not None and pod.slots.draining
        stays = pod.live and pod.running and pod not in decided.deleted
        if pod.cordoned and stays and not confirmed:
            yield pod


def _drain(snapshot: ServiceSnapshot, pod: ObservedPod) -> Drain | datetime | None:
    """The order to drain, or when it is due: a pod that drains refuses viewers, so it is given when
    no Service sends new ones there any more."""
    if pod.drain_deadline is None or pod.control is None:
        return None
    if pod.cordoned_at and pod.ready:
        propagation = snapshot.installation.propagation
        due = pod.cordoned_at + max(propagation, LONGEST_LISTED if pod.listed else timedelta())
        if snapshot.now < due:
            return due
    left_s = (pod.drain_deadline - snapshot.now).total_seconds()
    seconds = min(max(0.0, left_s), LONGEST_DRAIN_S)
    migrate = snapshot.service.spec.drain.on_deadline == "Migrate"
    return Drain(pod.name, pod.control, seconds, migrate)


def _doors(snapshot: ServiceSnapshot) -> Iterator[SetDoor]:
    """Viewers come in through the Routers only, once there are some. A pod that was started again
    has forgotten it."""
    routers_only = bool(snapshot.routers)
    for pod in snapshot.pods:
        known = pod.slots.routers_only if pod.live and pod.slots else None
        if pod.control is not None and known is not None and known is not routers_only:
            yield SetDoor(pod.control, routers_only)


def _key(snapshot: ServiceSnapshot, pod: ObservedPod) -> tuple[Key, str]:
    return Key("Pod", namespace_of(snapshot.service.metadata), pod.name), pod.uid


def _why(now: datetime, pod: ObservedPod) -> str:
    if pod.finished:
        return pod.trouble.message if pod.trouble else "it ended"
    if pod.drain_deadline is None:
        return "it served nobody and is not needed"
    if pod.drain_deadline <= now and pod.sessions:
        return f"its drain deadline has passed, {counted(pod.sessions, 'session')} left"
    return "its last session has ended"
