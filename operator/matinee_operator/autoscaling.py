"""How many pods a service wants: `spec.replicas`, or with `autoscaling.mode: Builtin` what its
viewers need. Pure; what is remembered between two reconciles is in the status, so a new process
continues where the old one died.

Enough pods are wanted that used slots stay within `targetSlotsUsedPercent` and `bufferSlots` are
free; queued viewers count as if they played. More pods are wanted at once. Fewer are wanted when
for `scaleDownStabilizationSeconds` fewer would have been enough, and then as many as were needed
most in that time. While a pod does not say who plays on it, nothing is scaled down.

Routers' own pods follow their sessions in the same way. An HPA could not: these numbers are in no
metrics API without an adapter, and it removes pods whose viewers it has not heard of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from matinee_api.kinds.low_demand import LowDemand
from matinee_api.kinds.streamingservice import Autoscaling
from matinee_operator.amounts import counted
from matinee_operator.objects import moment, stamp
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import RouterSnapshot, ServiceSnapshot


class Bounds(Protocol):
    """Of the number of pods, and how long to wait before there are fewer."""

    @property
    def min_replicas(self) -> int: ...

    @property
    def max_replicas(self) -> int: ...

    @property
    def scale_down_stabilization_seconds(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Demand:
    """Over all pods, those that drain included: their viewers stay, or come back."""

    used: int
    queued: int
    complete: bool
    """Every pod on which somebody may be playing has said so."""
    jobs: int = 0
    """That wait or are made."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`low`: what to remember. `requeue_at`: when it may scale down."""

    replicas: int
    low: LowDemand | None = None
    requeue_at: datetime | None = None


def scale_of(snapshot: ServiceSnapshot) -> Scale:
    spec, status = snapshot.service.spec, snapshot.service.status
    rules = spec.autoscaling
    if rules is None or rules.mode == "External":
        return Scale(spec.replicas)
    return scaled(
        snapshot.now,
        rules,
        spec.sessions.max_per_pod,
        demand_of(snapshot.pods, snapshot.waiting),
        jobs_per_pod=spec.jobs.waiting_per_pod if spec.jobs.enabled else 0,
        before=status.desired_replicas if status else None,
        low=status.low_demand if status else None,
    )


def demand_of(pods: tuple[ObservedPod, ...], waiting: int = 0) -> Demand:
    """`waiting`: viewers who are queued at Routers."""
    known = [pod.slots for pod in pods if pod.slots is not None]
    silent = [pod for pod in pods if pod.slots is None and pod.running and not pod.finished]
    return Demand(
        used=sum(slots.used for slots in known),
        queued=sum(slots.queued for slots in known) + waiting,
        complete=not silent,
        jobs=sum(jobs_of(pods)),
    )


def jobs_of(pods: tuple[ObservedPod, ...]) -> tuple[int, int]:
    """How many wait, and how many are made. Pods that share them all tell of all of them."""
    counts: dict[str, tuple[int, int]] = {}
    for pod in pods:
        if pod.slots is not None:
            shared = pod.slots.jobs_store or pod.uid
            counts[shared] = max(
                counts.get(shared, (0, 0)), (pod.slots.jobs_waiting, pod.slots.jobs_making)
            )
    return sum(one[0] for one in counts.values()), sum(one[1] for one in counts.values())


def scaled(
    now: datetime,
    rules: Autoscaling,
    slots_per_pod: int,
    demand: Demand,
    *,
    jobs_per_pod: int = 0,
    before: int | None,
    low: LowDemand | None,
) -> Scale:
    needed = needed_replicas(rules, slots_per_pod, demand, jobs_per_pod)
    return steadied(now, rules, needed, complete=demand.complete, before=before, low=low)


def router_scale_of(snapshot: RouterSnapshot) -> Scale:
    """Of a Router's own pods, by the sessions that they forward and the viewers queued at them."""
    spec, status = snapshot.router.spec, snapshot.router.status
    rules = spec.autoscaling
    if rules is None:
        return Scale(spec.replicas)
    states = [pod.state for pod in snapshot.router_pods if pod.address]
    wanted = sum(state.sessions + state.queued for state in states if state)
    return steadied(
        snapshot.now,
        rules,
        within(rules, _up(wanted, rules.sessions_per_replica)),
        complete=None not in states,
        before=status.desired_replicas if status else None,
        low=status.low_demand if status else None,
    )


def steadied(
    now: datetime,
    rules: Bounds,
    needed: int,
    *,
    complete: bool,
    before: int | None,
    low: LowDemand | None,
) -> Scale:
    """More at once, fewer after a while. `complete`: nobody who may be there went uncounted."""
    current = needed if before is None else within(rules, before)
    if needed > current or (needed == current and complete):
        return Scale(needed)
    if not complete:
        return Scale(current, low)
    peak = needed if low is None else max(needed, min(low.replicas, current))
    if peak >= current:
        return Scale(current)
    since = now if low is None else moment(low.since)
    due = since + timedelta(seconds=rules.scale_down_stabilization_seconds)
    if due > now:
        return Scale(current, LowDemand(since=stamp(since), replicas=peak), due)
    if needed == peak:
        return Scale(peak)
    due = now + timedelta(seconds=rules.scale_down_stabilization_seconds)
    return Scale(peak, LowDemand(since=stamp(now), replicas=needed), due)


def needed_replicas(
    rules: Autoscaling, slots_per_pod: int, demand: Demand, jobs_per_pod: int = 0
) -> int:
    """`jobs_per_pod`: 0 where jobs bring no pods."""
    wanted = demand.used + demand.queued
    by_share = _up(100 * wanted, rules.target_slots_used_percent * slots_per_pod)
    by_buffer = _up(wanted + rules.buffer_slots, slots_per_pod)
    by_jobs = _up(demand.jobs, jobs_per_pod) if jobs_per_pod else 0
    return within(rules, max(by_share, by_buffer, by_jobs))


def scaled_message(snapshot: ServiceSnapshot, before: int, replicas: int) -> str:
    """The change, for people."""
    demand = demand_of(snapshot.pods, snapshot.waiting)
    total = sum(pod.slots.total for pod in snapshot.pods if pod.slots and pod.serving)
    message = f"scaled from {before} to {replicas}: {demand.used} of {total} slots used"
    if demand.queued:
        message += f", {counted(demand.queued, 'viewer')} queued"
    if demand.jobs and snapshot.service.spec.jobs.waiting_per_pod:
        message += f", {counted(demand.jobs, 'job')}"
    return message


def within(rules: Bounds, replicas: int) -> int:
    return min(max(replicas, rules.min_replicas), rules.max_replicas)


def _up(number: int, divisor: int) -> int:
    return -(-number // divisor)
