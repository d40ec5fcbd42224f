"""A Router's snapshot -> its pods, through a Deployment, and their address."""

from __future__ import annotations

from matinee_operator.actions import Action, Create
from matinee_operator.desired import DesiredRouter
from matinee_operator.objects import is_within, key_of
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.plan.compare import applied


def plan_router(snapshot: RouterSnapshot, desired: DesiredRouter) -> list[Action]:
    actions = list(applied(snapshot.children, list(desired.children)))
    if not _has_its_secret(snapshot, desired):
        actions.insert(0, Create(desired.secret))
    return actions


def _has_its_secret(snapshot: RouterSnapshot, desired: DesiredRouter) -> bool:
    """It is never read: but where it is missing no pod starts."""
    deployment = desired.children[-1]
    observed = snapshot.children.get(key_of(deployment))
    as_it_should_be = observed is not None and is_within(deployment["spec"], observed["spec"])
    pods = snapshot.router_pods
    return as_it_should_be and bool(pods) and all(pod.address for pod in pods)
