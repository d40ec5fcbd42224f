"""Picks the most actionable problem of a service."""

from __future__ import annotations

from typing import get_args

from matinee_api.contracts.fetch import FetchReason
from matinee_api.kinds import conditions
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import ServiceSnapshot
from matinee_operator.weights.available import why_missing

ACTIONABLE_FIRST = (
    conditions.IMAGE_PULL_FAILED,
    conditions.POD_CONFIG_INVALID,
    *get_args(FetchReason),
    conditions.OUT_OF_MEMORY,
    conditions.CRASH_LOOPING,
    conditions.UNSCHEDULABLE,
    conditions.NODE_LOST,
    conditions.POD_FAILED,
    conditions.TOKEN_REFUSED,
)
"""Causes that a person can fix come first."""


def most_actionable(
    snapshot: ServiceSnapshot, *, has_weights: bool, complete: bool
) -> Trouble | None:
    """`complete`: as many pods serve as are wanted, so that those that still go do not matter: a
    pod on a lost node goes only when its node is back."""
    if snapshot.failure is not None:
        return snapshot.failure
    model = snapshot.model
    if model is None:
        name = snapshot.service.spec.model_ref.name
        return Trouble(
            conditions.MODEL_NOT_FOUND, f"there is no VideoModel {name} in this namespace"
        )
    missing = None if has_weights else why_missing(model)
    if missing is not None and missing.reason != conditions.DOWNLOADING:
        return Trouble(missing.reason, f"VideoModel {model.metadata.name}: {missing.message}")
    pods = [pod for pod in snapshot.pods if not (complete and pod.terminating)]
    return _of_pods(pods)


def _of_pods(pods: list[ObservedPod]) -> Trouble | None:
    """The most actionable of the pods' problems, with the number of pods that have it."""
    found: dict[str, list[ObservedPod]] = {}
    for pod in pods:
        if pod.trouble is not None and not pod.cordoned:
            found.setdefault(pod.trouble.reason, []).append(pod)
    for reason in ACTIONABLE_FIRST:
        if reason in found:
            first, *others = found[reason]
            more = f" (and {len(others)} more)" if others else ""
            message = first.trouble.message if first.trouble else ""
            return Trouble(reason, f"{first.name}{more}: {message}")
    return None
