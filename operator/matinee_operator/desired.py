"""A snapshot -> what its object should be: made once, then read by the plan and by the status.

Both have to decide from the same values. Of a StreamingService that is how many pods there should
be, of which revision, with which configuration; of a VideoModel its weights and its warm-up Job; of
a Router its pods and their address. Pure.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from matinee_api.kinds import conditions
from matinee_api.kinds.compute import ComputeResources
from matinee_api.kinds.rollout import Rollout
from matinee_api.kinds.streamingservice import LastStart
from matinee_operator.autoscaling import Scale, router_scale_of, scale_of
from matinee_operator.objects import Key
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.observe.snapshot import (
    ModelSnapshot,
    RouterSnapshot,
    ServiceSnapshot,
    Snapshot,
)
from matinee_operator.resources.admin_secret import router_secret
from matinee_operator.resources.disruption_budget import router_budget
from matinee_operator.resources.metadata import Manifest, namespace_of
from matinee_operator.resources.network_policy import router_policy
from matinee_operator.resources.pod_monitor import router_monitor
from matinee_operator.resources.revision_record import record_name, recorded_pod
from matinee_operator.resources.router_config import router_config, router_config_text
from matinee_operator.resources.router_deployment import router_deployment
from matinee_operator.resources.router_exposure import router_exposure
from matinee_operator.resources.router_rights import router_rights
from matinee_operator.resources.router_service import router_service
from matinee_operator.resources.runtime_config import PodConfig, pod_config
from matinee_operator.resources.warmup_job import warmup_job
from matinee_operator.revision import revision_of
from matinee_operator.starts import last_start
from matinee_operator.warming import Warming, is_required, is_wanted, warming
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
class Held:
    """A revision that stays for now: pods of it are replaced, and no newer ones are made."""

    target: RolloutTarget
    pod: Manifest | None
    """What they are made of, of any slot; None where no record of it is left."""


@dataclass(frozen=True, slots=True)
class DesiredService:
    """`pods` is None while the model, or its weights, are not there yet. `held`: what is carried
    out meanwhile, and while the rollout may not go on. `model_trouble`: why the model holds it
    up. `start`: how long its pods take until they serve, as far as that is known."""

    scale: Scale
    pods: DesiredPods | None
    held: Held | None = None
    model_trouble: Trouble | None = None
    start: LastStart | None = None

    @property
    def target(self) -> RolloutTarget:
        """What is carried out."""
        found = self.held or self.pods
        return found.target if found else NO_PODS


@dataclass(frozen=True, slots=True)
class DesiredModel:
    """Each is None while it is not known."""

    weights: Weights | None
    warmup_resources: ComputeResources | None
    """What the model says, else what its first service asks for."""
    warming: Warming | None


@dataclass(frozen=True, slots=True)
class DesiredRouter:
    """`children`: what is applied, the Deployment last. `secret`: its pods wait for it."""

    scale: Scale
    children: tuple[Manifest, ...]
    secret: Manifest


Desired = DesiredService | DesiredModel | DesiredRouter


def desired_of(snapshot: Snapshot) -> Desired:
    match snapshot:
        case ServiceSnapshot():
            return desired_service(snapshot)
        case ModelSnapshot():
            return desired_model(snapshot)
        case RouterSnapshot():
            return desired_router(snapshot)


def desired_service(snapshot: ServiceSnapshot) -> DesiredService:
    scale = scale_of(snapshot)
    pods = _pods(snapshot, scale)
    trouble = _model_trouble(snapshot, pods)
    held = None
    if pods is None or trouble is not None or pods.target.paused:
        held = _held(snapshot, scale, pods, nothing=pods is not None and trouble is None)
    return DesiredService(scale, pods, held, trouble, last_start(snapshot))


def _model_trouble(snapshot: ServiceSnapshot, pods: DesiredPods | None) -> Trouble | None:
    """Why no pod of this revision may be made yet, where the model's warm-up is required. One that
    has served needs no proof."""
    model = snapshot.model
    if model is None or pods is None or not is_required(model):
        return None
    revision, status = pods.target.revision, snapshot.service.status
    served = any(pod.revision == revision and pod.ready_since for pod in snapshot.pods)
    if served or (status and status.current_revision == revision):
        return None
    known = model.status.conditions if model.status else ()
    ready = next((one for one in known if one.type == conditions.READY), None)
    if ready is None or ready.observed_generation != model.metadata.generation:
        return Trouble(conditions.WARMING_UP, "its warm-up has not begun")
    return None if ready.status == "True" else Trouble(ready.reason, ready.message)


def _held(
    snapshot: ServiceSnapshot, scale: Scale, pods: DesiredPods | None, *, nothing: bool
) -> Held | None:
    """The revision of the last complete rollout, else that of the newest pod. `nothing`: whether to
    go on where there is neither."""
    before = snapshot.service.status.current_revision if snapshot.service.status else None
    live = sorted((pod for pod in snapshot.pods if pod.live), key=lambda pod: pod.created)
    revision = before or (live[-1].revision if live else "")
    if pods is not None and (revision == pods.target.revision or (nothing and not revision)):
        return None
    target = pods.target if pods else RolloutTarget("", scale.replicas, 1, 0)
    target = dataclasses.replace(target, revision=revision, paused=True)
    name = record_name(snapshot.service, revision)
    key = Key("ConfigMap", namespace_of(snapshot.service.metadata), name)
    record = snapshot.children.get(key)
    return Held(target, recorded_pod(record, snapshot.seal_keys) if record else None)


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
    resources, found = _warmup_resources(snapshot), None
    if weights and resources and is_wanted(model):
        job = warmup_job(model, weights, resources, snapshot.installation)
        found = warming(snapshot, job)
    return DesiredModel(weights, resources, found)


def _warmup_resources(snapshot: ModelSnapshot) -> ComputeResources | None:
    own = snapshot.model.spec.warmup.resources
    if own is not None:
        return own
    return snapshot.first_service.spec.resources if snapshot.first_service else None


def desired_router(snapshot: RouterSnapshot) -> DesiredRouter:
    router, installation = snapshot.router, snapshot.installation
    config = router_config_text(router, installation)
    secret = router_secret(router, snapshot.tokens, snapshot.metrics_token)
    scale = router_scale_of(snapshot)
    secret_name, monitors = secret["metadata"]["name"], installation.monitors
    children = (
        *router_rights(router),
        router_config(router, config),
        router_service(router),
        router_budget(router),
        router_policy(router),
        *router_exposure(router, installation),
        *([router_monitor(router, monitors, secret_name)] if monitors else []),
        router_deployment(router, installation, config, secret_name, scale.replicas),
    )
    return DesiredRouter(scale, children, secret)
