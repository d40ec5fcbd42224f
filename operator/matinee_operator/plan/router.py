"""A Router's snapshot -> its pods, through a Deployment, and their address."""

from __future__ import annotations

from collections.abc import Iterator

from matinee_operator.actions import Action, Create, RecordEvent, Requeue
from matinee_operator.amounts import counted
from matinee_operator.autoscaling import Scale
from matinee_operator.desired import DesiredRouter
from matinee_operator.objects import is_within, key_of
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.plan.compare import applied, stale

UNLESS_WANTED = ("PodMonitor", "Ingress", "HTTPRoute")
"""Kinds of children of which there may come to be none."""


def plan_router(snapshot: RouterSnapshot, desired: DesiredRouter) -> list[Action]:
    actions = list(applied(snapshot.children, list(desired.children)))
    for kind in UNLESS_WANTED:
        kept = {one["metadata"]["name"] for one in desired.children if one["kind"] == kind}
        actions += stale(snapshot.children, kind, kept)
    actions += _scaled(snapshot, desired.scale)
    if not _has_its_secret(snapshot, desired):
        actions.insert(0, Create(desired.secret))
    return actions


def _scaled(snapshot: RouterSnapshot, scale: Scale) -> Iterator[Action]:
    """The Deployment carries the decision out; here are its Event, and the time to look again."""
    status = snapshot.router.status
    before = status.desired_replicas if status else None
    is_decided = snapshot.router.spec.autoscaling is not None
    if is_decided and before is not None and before != scale.replicas:
        states = [pod.state for pod in snapshot.router_pods if pod.state]
        sessions = counted(sum(state.sessions for state in states), "session")
        message = f"scaled from {before} to {scale.replicas}: {sessions}"
        if queued := sum(state.queued for state in states):
            message += f", {counted(queued, 'viewer')} queued"
        yield RecordEvent("Normal", "Scaled", message)
    if scale.requeue_at:
        yield Requeue.at(scale.requeue_at, snapshot.now)


def _has_its_secret(snapshot: RouterSnapshot, desired: DesiredRouter) -> bool:
    """It is never read: but where it is missing no pod starts."""
    deployment = desired.children[-1]
    observed = snapshot.children.get(key_of(deployment))
    as_it_should_be = observed is not None and is_within(deployment["spec"], observed["spec"])
    pods = snapshot.router_pods
    return as_it_should_be and bool(pods) and all(pod.address for pod in pods)
