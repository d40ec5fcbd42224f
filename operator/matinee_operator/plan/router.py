"""A Router's snapshot -> its Service. The plans of the services put their pods behind it."""

from __future__ import annotations

from matinee_operator.actions import Action
from matinee_operator.desired import DesiredRouter
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.plan.compare import applied


def plan_router(snapshot: RouterSnapshot, desired: DesiredRouter) -> list[Action]:
    return [*applied(snapshot.children, [desired.service])]
