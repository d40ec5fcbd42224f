"""Which pods to make, to cordon and to delete, so that the budgets hold over all revisions.

A pod goes through: made -> ready -> cordoned (no new sessions) -> drained -> deleted. Pods that
nobody can be watching are deleted at once. The rules, in the order in which they are applied:

1. A pod that ended is deleted; its successor is made after a backoff that doubles.
2. A cordoned pod is deleted when its last session has ended, or at its drain deadline.
3. A pod of an old revision (or on a node that is cordoned) that never served is deleted: a broken
   revision never stands in the way of the next one.
4. Of those that serve as many are cordoned as are not needed for `replicas - maxUnavailable`
   serving pods, those with the fewest sessions first.
5. Pods above `replicas` are cordoned, those with the fewest sessions first.
6. Missing pods are made while all pods together stay within `replicas + maxSurge`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from matinee_api.backoff import backoff
from matinee_operator.desired import RolloutTarget
from matinee_operator.observe.pods import ObservedPod

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 10.0, 300.0
STEADY_AFTER = timedelta(minutes=10)
"""A pod that lived this long resets the backoff of its successors."""


@dataclass(slots=True)
class Rollout:
    """What to do. `made`: slot -> attempt."""

    made: dict[int, int] = field(default_factory=dict)
    cordoned: list[ObservedPod] = field(default_factory=list)
    deleted: list[ObservedPod] = field(default_factory=list)
    requeue_at: list[datetime] = field(default_factory=list)


def roll_out(now: datetime, target: RolloutTarget, pods: Iterable[ObservedPod]) -> Rollout:
    every = sorted(pods, key=lambda pod: (pod.slot, pod.name))
    live = [pod for pod in every if pod.live]
    decided = Rollout()
    _finish(now, decided, live)
    outdated = [pod for pod in _active(decided, live) if target.outdates(pod)]
    _replace(decided, target, live, outdated)
    _shrink(decided, target, live)
    _grow(now, decided, target, every)
    return decided


def _finish(now: datetime, decided: Rollout, live: list[ObservedPod]) -> None:
    """Rules 1 and 2."""
    for pod in live:
        if pod.settles_at is not None:
            decided.requeue_at.append(pod.settles_at)
        if pod.finished:
            decided.deleted.append(pod)
        elif pod.drain_deadline is not None:
            if pod.drain_deadline <= now or _is_drained(pod):
                decided.deleted.append(pod)
            else:
                decided.requeue_at.append(pod.drain_deadline)


def _is_drained(pod: ObservedPod) -> bool:
    """It said so itself; or it never ran, so that there is nothing to say."""
    if pod.slots is not None:
        return pod.slots.draining and pod.slots.used == 0
    return not pod.running


def _active(decided: Rollout, live: list[ObservedPod]) -> Iterator[ObservedPod]:
    """Neither going nor about to go."""
    for pod in live:
        if not pod.cordoned and pod not in decided.deleted and pod not in decided.cordoned:
            yield pod


def _replace(
    decided: Rollout, target: RolloutTarget, live: list[ObservedPod], outdated: list[ObservedPod]
) -> None:
    """Rules 3 and 4."""
    decided.deleted += [pod for pod in outdated if pod.never_served]
    serving = sum(_counts(target, pod) for pod in _active(decided, live))
    spare = serving - (target.replicas - target.max_unavailable)
    going = [pod for pod in outdated if not pod.never_served]
    for pod in sorted(going, key=_who_goes_first):
        if not pod.able:
            decided.cordoned.append(pod)
        elif spare > 0:
            decided.cordoned.append(pod)
            spare -= 1


def _counts(target: RolloutTarget, pod: ObservedPod) -> bool:
    """A pod that came counts once every router knows it. One that is to go counts as long as it is
    able to: routers forget it when the newer ones serve."""
    return pod.able if target.outdates(pod) else pod.serving


def _shrink(decided: Rollout, target: RolloutTarget, live: list[ObservedPod]) -> None:
    """Rule 5. Outdated pods are left to the rules above."""
    active = [pod for pod in _active(decided, live) if not target.outdates(pod)]
    surplus = len(active) - target.replicas
    for pod in sorted(active, key=_who_goes_first)[: max(0, surplus)]:
        (decided.deleted if pod.never_served else decided.cordoned).append(pod)


def _grow(now: datetime, decided: Rollout, target: RolloutTarget, every: list[ObservedPod]) -> None:
    """Rule 6."""
    attempts = _attempts(now, decided, target, every)
    live = [pod for pod in every if pod.live]
    active = [pod for pod in _active(decided, live) if not target.outdates(pod)]
    room = target.replicas + target.max_surge - sum(pod not in decided.deleted for pod in live)
    missing = min(target.replicas - len(active), room)
    taken = {pod.slot for pod in every if pod.revision == target.revision}
    free = (slot for slot in itertools.count() if slot not in taken)
    for slot in itertools.islice(free, max(0, missing)):
        decided.made[slot] = attempts.pop() if attempts else 0


def _attempts(
    now: datetime, decided: Rollout, target: RolloutTarget, every: list[ObservedPod]
) -> list[int]:
    """The attempt that each failed pod's successor is. One whose backoff is not over stays."""
    attempts = []
    for pod in every:
        if not (pod.finished and pod.revision == target.revision and pod in decided.deleted):
            continue
        ended = pod.finished_at or now
        attempt = 1 if ended - pod.created > STEADY_AFTER else pod.attempt + 1
        due = ended + timedelta(seconds=backoff_s(attempt))
        if due > now:
            decided.deleted.remove(pod)
            decided.requeue_at.append(due)
        else:
            attempts.append(attempt)
    return sorted(attempts)


def backoff_s(attempt: int) -> float:
    """The backoff before the successor of a failed pod is made; there is none for the first."""
    return backoff(attempt - 1, FIRST_BACKOFF_S, LONGEST_BACKOFF_S)


def _who_goes_first(pod: ObservedPod) -> tuple[bool, int, int]:
    """Pods that do not serve, then those with the fewest sessions, then the highest slot."""
    return (pod.serving, pod.sessions, -pod.slot)
