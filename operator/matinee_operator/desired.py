"""A snapshot -> what its object should be: made once, then read by the plan and by the status.

Both have to decide from the same values. Of a StreamingService that is how many pods there should
be, of which revision, with which configuration; of a VideoModel its weights and its warm-up Job; of
a Router its Service. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from matinee_api.kinds.compute import ComputeResources
from matinee_api.kinds.rollout import Rollout
from matinee_operator.autoscaling import Scale, scale_of
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import (
    ModelSnapshot,
    RouterSnapshot,
    ServiceSnapshot,
    Snapshot,
)
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.router_service import router_service
from matinee_operator.resources.runtime_config import PodConfig, pod_config
from matinee_operator.resources.warmup_job import warmup_job
from matinee_operator.revision import revision_of
from matinee_operator.weights.available import Weights, weights_of


@dataclass(frozen=True, slots=True)
class RolloutTarget:
    """How many pods of which revision, and the budgets of the way there."""

    revision: str
    replicas: int
    max_surge: int
    max_unavailable: int
    paused: bool = False

    def outdates(self, pod: ObservedPod) -> bool:
        """It has to go, sooner or later, although it may be needed until its successor serves."""
        return pod.leaving_node or (pod.revision != self.revision and not self.paused)


NO_PODS = RolloutTarget(revision="", replicas=0, max_surge=0, max_unavailable=0)
"""What a service that is being deleted wants."""


@dataclass(frozen=True, slots=True)
class DesiredPods:
    """The runtime pods of a service."""

    target: RolloutTarget
    weights: Weights
    config: PodConfig


@dataclass(frozen=True, slots=True)
class DesiredService:
    """`pods` is None while the model, or its weights, are not there yet."""

    scale: Scale
    pods: DesiredPods | None


@dataclass(frozen=True, slots=True)
class DesiredModel:
    """Each is None while it is not known."""

    weights: Weights | None
    warmup_resources: ComputeResources | None
    """What the model says, else what its first service asks for."""
    warmup_job: Manifest | None


@dataclass(frozen=True, slots=True)
class DesiredRouter:
    service: Manifest


Desired = DesiredService | DesiredModel | DesiredRouter


def desired_of(snapshot: Snapshot) -> Desired:
    match snapshot:
        case ServiceSnapshot():
            return desired_service(snapshot)
        case ModelSnapshot():
            return desired_model(snapshot)
        case RouterSnapshot():
            return DesiredRouter(router_service(snapshot.router))


def desired_service(snapshot: ServiceSnapshot) -> DesiredService:
    scale = scale_of(snapshot)
    return DesiredService(scale, _pods(snapshot, scale))


def _pods(snapshot: ServiceSnapshot, scale: Scale) -> DesiredPods | None:
    service, model = snapshot.service, snapshot.model
    weights = weights_of(model) if model else None
    if model is None or weights is None:
        return None
    config = pod_config(model, service, snapshot.installation, weights)
    rollout = service.spec.rollout
    max_surge, max_unavailable = budgets(rollout, scale.replicas)
    target = RolloutTarget(
        revision=revision_of(model, service, snapshot.installation, weights, config),
        replicas=scale.replicas,
        max_surge=max_surge,
        max_unavailable=max_unavailable,
        paused=rollout.paused,
    )
    return DesiredPods(target, weights, config)


def budgets(rollout: Rollout, replicas: int) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers of pods. One of them is at least 1."""
    surge = _pods_of(rollout.max_surge, replicas, math.ceil)
    unavailable = _pods_of(rollout.max_unavailable, replicas, math.floor)
    return surge, unavailable if surge else max(1, unavailable)


def _pods_of(share: int | str, replicas: int, whole: Callable[[float], int]) -> int:
    return share if isinstance(share, int) else whole(int(share.rstrip("%")) * replicas / 100)


def desired_model(snapshot: ModelSnapshot) -> DesiredModel:
    model, weights = snapshot.model, weights_of(snapshot.model)
    resources, job = _warmup_resources(snapshot), None
    if weights and resources and model.spec.warmup.enabled:
        job = warmup_job(model, weights, resources, snapshot.installation)
    return DesiredModel(weights, resources, job)


def _warmup_resources(snapshot: ModelSnapshot) -> ComputeResources | None:
    own = snapshot.model.spec.warmup.resources
    if own is not None:
        return own
    services = sorted(snapshot.services, key=lambda service: service.metadata.name)
    return services[0].spec.resources if services else None
