from __future__ import annotations

from typing import Any

import pytest

from matinee_api.kinds import conditions
from matinee_operator.actions import Apply
from matinee_operator.desired import DesiredRouter
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.plan import plan_router
from matinee_operator.resources.router_service import router_service
from matinee_operator.status import router_status
from tests.unit.operator.making import BUG, NOW, pod, router, service, slots, starting


def given(*pods: Any, **facts: Any) -> RouterSnapshot:
    usual: dict[str, Any] = {"router": router(), "services": {"live": service()}}
    return RouterSnapshot(now=NOW, pods=pods, **(usual | facts))


CASES: dict[str, tuple[RouterSnapshot, dict[str, str]]] = {
    "a pod serves": (
        given(pod()),
        {
            "Ready": "True Serving",
            "ResolvedRefs": "True AsDesired",
            "Degraded": "False NothingWrong",
        },
    ),
    "no pod serves": (
        given(starting("live-new-0")),
        {"Ready": "False NoReadyPods", "EndpointsAvailable": "False NoReadyPods"},
    ),
    "no such service": (
        given(services={}),
        {"Ready": "False ServiceNotFound", "ResolvedRefs": "False ServiceNotFound"},
    ),
    "one service of two": (
        given(pod(), router=router("front", "live", "other")),
        {"Ready": "True ServiceNotFound", "Degraded": "True ServiceNotFound"},
    ),
    "a port that is taken": (
        given(pod(), failure=Trouble(conditions.POD_REFUSED, "provided port is already allocated")),
        {"Accepted": "False InvalidSpec", "Ready": "False InvalidSpec"},
    ),
    "a bug in the operator": (
        given(pod(), failure=BUG),
        {"Accepted": "Unknown InternalError", "Degraded": "True InternalError"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_conditions(case: str) -> None:
    snapshot, expected = CASES[case]
    told = {one.type: f"{one.status} {one.reason}" for one in router_status(snapshot).conditions}
    assert {kind: told[kind] for kind in expected} == expected
    assert tuple(told) == conditions.ROUTER_TYPES


def test_counts_and_address() -> None:
    status = router_status(
        given(pod(slots=slots(2, queued=1)), pod("live-old-1", drain_deadline=NOW, slots=slots(1)))
    )
    counted = status.model_dump(exclude={"conditions"}, exclude_none=True)
    assert counted == {
        "observedGeneration": 1,
        "url": "ws://front-router.demo.svc/v1/stream",
        "backends": {"total": 2, "ready": 1, "draining": 1},
        "sessions": 3,
        "queued": 1,
    }


def test_a_router_becomes_a_service() -> None:
    snapshot = given()
    (action,) = plan_router(snapshot, DesiredRouter(router_service(snapshot.router)))
    assert isinstance(action, Apply)
    assert action.manifest["metadata"]["name"] == "front-router"
