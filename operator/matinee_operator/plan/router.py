"""A Router's snapshot -> its Service. The plans of the services put their pods behind it."""

from __future__ import annotations

from matinee_operator.actions import Action
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.plan.compare import applied
from matinee_operator.resources.router_service import router_service


def plan_router(snapshot: RouterSnapshot) -> list[Action]:
    return [*applied(snapshot.children, [router_service(snapshot.router)])]
