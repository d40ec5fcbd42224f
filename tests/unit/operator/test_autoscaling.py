from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeGuard

import pytest
from hypothesis import given
from hypothesis import strategies as some

from matinee_api.config.load import validate
from matinee_api.contracts.pod_http import RouterState
from matinee_api.kinds.low_demand import LowDemand
from matinee_api.kinds.streamingservice import Autoscaling
from matinee_operator.actions import Action, RecordEvent, Requeue
from matinee_operator.autoscaling import (
    Demand,
    Scale,
    demand_of,
    needed_replicas,
    scale_of,
    scaled,
)
from matinee_operator.desired import desired_router
from matinee_operator.objects import Address, stamp
from matinee_operator.observe.router_pods import RouterPod
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.plan import plan_router
from tests.unit.operator.making import (
    INSTALLATION,
    METRICS_TOKEN,
    NOW,
    TOKEN,
    planned,
    pod,
    router,
    service,
    slots,
    snapshot,
    starting,
    waiting,
)

WINDOW = timedelta(seconds=300)


def rules(**facts: Any) -> Autoscaling:
    return validate(Autoscaling, {"minReplicas": 1, "maxReplicas": 10} | facts)


def demand(used: int, queued: int = 0, *, complete: bool = True) -> Demand:
    return Demand(used, queued, complete)


NEEDED: dict[str, tuple[dict[str, Any], int, Demand, int]] = {
    "nobody plays": ({}, 4, demand(0), 1),
    "the share is met": ({}, 4, demand(2), 1),
    "the share is passed": ({}, 4, demand(3), 2),
    "the free slots are missing": ({"targetSlotsUsedPercent": 100}, 4, demand(4), 2),
    "all slots may be used": ({"targetSlotsUsedPercent": 100, "bufferSlots": 0}, 4, demand(4), 1),
    "viewers who wait count": ({}, 4, demand(2, queued=4), 3),
    "more free slots than a pod has": ({"bufferSlots": 9}, 4, demand(0), 3),
    "a free slot keeps the last pod": ({"minReplicas": 0}, 4, demand(0), 1),
    "the least": ({"minReplicas": 3}, 4, demand(0), 3),
    "the most": ({"maxReplicas": 2}, 4, demand(40), 2),
}


@pytest.mark.parametrize("case", NEEDED)
def test_how_many_pods_viewers_need(case: str) -> None:
    facts, slots_per_pod, viewers, expected = NEEDED[case]
    assert needed_replicas(rules(**facts), slots_per_pod, viewers) == expected


def decided(
    viewers: Demand, before: int | None, low: LowDemand | None = None, **facts: Any
) -> Scale:
    return scaled(NOW, rules(**facts), 4, viewers, before=before, low=low)


def low_since(seconds: float, replicas: int) -> LowDemand:
    return LowDemand(since=stamp(NOW - timedelta(seconds=seconds)), replicas=replicas)


def test_more_pods_come_at_once() -> None:
    assert decided(demand(7), 2, low_since(200, 1)) == Scale(3)


def test_fewer_pods_only_after_the_demand_was_low_for_long() -> None:
    assert decided(demand(0), 3) == Scale(3, low_since(0, 1), NOW + WINDOW)
    assert decided(demand(0), 3, low_since(299, 1)).replicas == 3
    assert decided(demand(0), 3, low_since(300, 1)) == Scale(1)


def test_as_many_stay_as_were_needed_most_in_that_time() -> None:
    assert decided(demand(5), 4, low_since(100, 1)).low == low_since(100, 2)
    assert decided(demand(0), 4, low_since(300, 2)) == Scale(2, low_since(0, 1), NOW + WINDOW)


def test_demand_that_comes_back_begins_the_wait_anew() -> None:
    assert decided(demand(7), 3, low_since(299, 1)) == Scale(3)


def test_nothing_goes_down_while_a_pod_is_silent() -> None:
    low = low_since(1000, 1)
    assert decided(demand(0, complete=False), 3, low) == Scale(3, low)
    assert decided(demand(9, complete=False), 3, low) == Scale(4)


def test_limits_hold_at_once() -> None:
    assert decided(demand(0), 9, maxReplicas=4).replicas == 4
    assert decided(demand(0), 1, minReplicas=2).replicas == 2


def test_a_service_without_a_status_begins_with_what_is_needed() -> None:
    assert decided(demand(0), None) == Scale(1)


def test_pods_that_cannot_have_viewers_are_not_waited_for() -> None:
    assert demand_of((pod(slots=slots(2, queued=1)), waiting("live-new-1"))) == demand(2, 1)
    assert not demand_of((starting("live-new-0", slots=None),)).complete


BUILTIN = {"maxReplicas": 5, "minReplicas": 1}
FULL = pod("live-new-0", slots=slots(4)), pod("live-new-1", slots=slots(3))


def status(**facts: Any) -> dict[str, Any]:
    return {"desiredReplicas": 2, **facts}


def test_a_change_is_carried_out_and_told() -> None:
    live = service(autoscaling=BUILTIN, status=status(), sessions={"maxPerPod": 4})
    actions = planned(snapshot(*FULL, service=live))
    assert RecordEvent("Normal", "Scaled", "scaled from 2 to 3: 7 of 8 slots used") in actions
    assert scale_of(snapshot(*FULL, service=live)) == Scale(3)


def test_it_looks_again_when_the_wait_is_over() -> None:
    live = service(
        autoscaling=BUILTIN,
        sessions={"maxPerPod": 4},
        status=status(lowDemand={"since": stamp(NOW - timedelta(seconds=100)), "replicas": 1}),
    )
    idle = pod("live-new-0"), pod("live-new-1")
    assert Requeue(200.1) in planned(snapshot(*idle, service=live))


@pytest.mark.parametrize("scaling", [None, {"mode": "External", "maxReplicas": 5}])
def test_otherwise_the_spec_says_how_many(scaling: Any) -> None:
    live = service(autoscaling=scaling, replicas=4, status=status())
    assert scale_of(snapshot(*FULL, service=live)) == Scale(4)


LIMITS = some.tuples(some.integers(1, 5), some.integers(0, 15)).map(
    lambda pair: {"minReplicas": pair[0], "maxReplicas": pair[0] + pair[1]}
)
RULES = some.builds(
    lambda limits, percent, buffer, seconds: rules(
        **limits,
        targetSlotsUsedPercent=percent,
        bufferSlots=buffer,
        scaleDownStabilizationSeconds=seconds,
    ),
    LIMITS,
    some.integers(10, 100),
    some.integers(0, 20),
    some.integers(0, 600),
)
DEMANDS = some.builds(demand, some.integers(0, 80), some.integers(0, 20))
STEP = timedelta(seconds=60)


def run(limits: Autoscaling, per_pod: int, demands: list[Demand], before: int) -> list[Scale]:
    """One look a minute; each knows of the last one what the status keeps."""
    made: list[Scale] = []
    scale = Scale(before)
    for number, viewers in enumerate(demands):
        now = NOW + number * STEP
        scale = scaled(now, limits, per_pod, viewers, before=scale.replicas, low=scale.low)
        made.append(scale)
    return made


@pytest.mark.parametrize(("queued", "replicas"), [(0, 0), (1, 1), (9, 3)])
def test_viewers_at_a_router_wake_a_service_without_pods(queued: int, replicas: int) -> None:
    asleep = {"minReplicas": 0, "maxReplicas": 3, "bufferSlots": 0}
    asked = service(autoscaling=asleep, sessions={"maxPerPod": 4})
    assert scale_of(snapshot(service=asked, waiting=queued)).replicas == replicas


@given(RULES, some.integers(1, 8), DEMANDS, some.integers(0, 30))
def test_constant_demand_comes_to_rest_and_never_swings(
    limits: Autoscaling, per_pod: int, viewers: Demand, before: int
) -> None:
    wanted = [scale.replicas for scale in run(limits, per_pod, [viewers] * 15, before)]
    assert wanted in (sorted(wanted), sorted(wanted, reverse=True))
    assert wanted[-1] == needed_replicas(limits, per_pod, viewers)
    assert len(set(wanted)) <= 2


@given(RULES, some.integers(1, 8), some.lists(DEMANDS, min_size=1, max_size=30))
def test_there_are_always_slots_for_those_who_play(
    limits: Autoscaling, per_pod: int, demands: list[Demand]
) -> None:
    for viewers, scale in zip(demands, run(limits, per_pod, demands, 1), strict=True):
        assert limits.min_replicas <= scale.replicas <= limits.max_replicas
        room = scale.replicas * per_pod >= viewers.used + viewers.queued
        assert room or scale.replicas == limits.max_replicas


@given(RULES, some.integers(1, 8), some.lists(DEMANDS, min_size=2, max_size=30))
def test_pods_only_go_when_they_were_not_needed_for_the_whole_time(
    limits: Autoscaling, per_pod: int, demands: list[Demand]
) -> None:
    made = run(limits, per_pod, demands, 1)
    looks = limits.scale_down_stabilization_seconds // STEP.seconds
    for number in range(1, len(made)):
        if made[number].replicas < made[number - 1].replicas:
            recent = demands[max(0, number - looks) : number + 1]
            needed = [needed_replicas(limits, per_pod, viewers) for viewers in recent]
            assert max(needed) <= made[number].replicas


def front(*told: tuple[int, int] | None, before: int | None = None, **status: Any) -> Any:
    """A Router whose pods forward so many sessions each, with so many viewers queued; None: one
    that was not heard."""
    known = {"desiredReplicas": before, **status} if before is not None else None
    scaling = {"maxReplicas": 4, "sessionsPerReplica": 10}
    pods = [
        RouterPod(
            name=f"front-{number}",
            uid=f"{number}",
            address=Address("10.0.0.1", 8000),
            ready=True,
            state=RouterState(sessions=one[0], queued=one[1]) if one else None,
        )
        for number, one in enumerate(told)
    ]
    return RouterSnapshot(
        now=NOW,
        router=router(status=known, autoscaling=scaling),
        installation=INSTALLATION,
        tokens=(TOKEN,),
        metrics_token=METRICS_TOKEN,
        services={},
        router_pods=tuple(pods),
    )


FRONTS: dict[str, tuple[Any, int]] = {
    "nobody there yet": (front(), 2),
    "the least": (front((1, 0), (1, 0), before=2), 2),
    "as many as fit": (front((10, 0), (10, 0), before=2), 2),
    "viewers who are queued count": (front((10, 0), (10, 1), before=2), 3),
    "the most": (front((90, 9), (90, 9), before=2), 4),
    "fewer only after a while": (front((1, 0), (1, 0), (1, 0), before=3), 3),
    "fewer after that": (
        front(
            *((1, 0), (1, 0), (1, 0)),
            before=3,
            lowDemand={"since": stamp(NOW - timedelta(seconds=600)), "replicas": 2},
        ),
        2,
    ),
    "never fewer while one of them is silent": (
        front(
            *((1, 0), None, (1, 0)),
            before=3,
            lowDemand={"since": stamp(NOW - timedelta(seconds=600)), "replicas": 2},
        ),
        3,
    ),
}


@pytest.mark.parametrize("case", FRONTS)
def test_a_router_s_pods_follow_its_sessions(case: str) -> None:
    snapshot, expected = FRONTS[case]
    desired = desired_router(snapshot)
    assert desired.scale.replicas == expected
    assert desired.children[-1]["spec"]["replicas"] == expected


def test_a_router_that_scales_says_so_and_looks_again() -> None:
    more, fewer = front((30, 1), before=2), front((1, 0), before=3)
    (event,) = (one for one in plan_router(more, desired_router(more)) if is_event(one))
    assert event.message == "scaled from 2 to 4: 30 sessions, 1 viewer queued"
    actions = plan_router(fewer, desired_router(fewer))
    assert [one for one in actions if is_event(one)] == []
    assert [one.after_s for one in actions if isinstance(one, Requeue)] == [600.1]


def is_event(action: Action) -> TypeGuard[RecordEvent]:
    return isinstance(action, RecordEvent)
