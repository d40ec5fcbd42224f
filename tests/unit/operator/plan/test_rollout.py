from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from matinee_operator.desired import RolloutTarget
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.plan.rollout import backoff_s, roll_out
from tests.unit.operator.making import NOW, pod, slots, starting, waiting

HOUR = NOW + timedelta(hours=1)


class Expected(NamedTuple):
    made: Sequence[int] = ()
    cordoned: Sequence[str] = ()
    deleted: Sequence[str] = ()


class Case(NamedTuple):
    wanted: dict[str, Any]
    pods: list[ObservedPod]
    expected: Expected


def draining(name: str, used: int = 0, **facts: Any) -> ObservedPod:
    feed = slots(used, draining=True)
    return pod(name, **({"drain_deadline": HOUR, "slots": feed, "ready_since": None} | facts))


def failed(name: str, **facts: Any) -> ObservedPod:
    made, ended = NOW - timedelta(minutes=1), NOW - timedelta(seconds=5)
    usual = {"finished": True, "finished_at": ended, "created": made}
    return waiting(name, **(usual | facts))


CASES: dict[str, Case] = {
    "nothing there yet": Case({"replicas": 2}, [], Expected(made=[0, 1])),
    "as it should be": Case({"replicas": 2}, [pod("s-new-0"), pod("s-new-1")], Expected()),
    "a missing pod gets the free slot": Case(
        {"replicas": 3}, [pod("s-new-0"), pod("s-new-2")], Expected(made=[1])
    ),
    "the name of a pod that still goes is not used": Case(
        {"replicas": 1}, [pod("s-new-0", terminating=True)], Expected(made=[1])
    ),
    "one pod more than wanted while rolling": Case(
        {"replicas": 2}, [pod("s-old-0"), pod("s-old-1")], Expected(made=[0])
    ),
    "as many more as allowed": Case(
        {"replicas": 3, "max_surge": 2},
        [pod(f"s-old-{slot}") for slot in range(3)],
        Expected(made=[0, 1]),
    ),
    "an old pod stays while the new one loads": Case(
        {"replicas": 2}, [pod("s-old-0"), pod("s-old-1"), starting("s-new-0")], Expected()
    ),
    "an old pod goes when a new one serves, the one with fewer sessions": Case(
        {"replicas": 2},
        [pod("s-old-0", slots=slots(2)), pod("s-old-1", slots=slots(1)), pod("s-new-0")],
        Expected(cordoned=["s-old-1"]),
    ),
    "an old pod stays until everybody knows the new one": Case(
        {"replicas": 1},
        [pod("s-old-0"), pod("s-new-0", ready_since=NOW, settles_at=NOW + timedelta(seconds=5))],
        Expected(),
    ),
    "an old pod stays until every router knows the new one": Case(
        {"replicas": 1}, [pod("s-old-0"), pod("s-new-0", unknown_to=("r",))], Expected()
    ),
    "old pods that the routers forgot go one by one": Case(
        {"replicas": 2},
        [pod("s-old-0", unknown_to=("r",)), pod("s-old-1", unknown_to=("r",)), pod("s-new-0")],
        Expected(cordoned=["s-old-1"]),
    ),
    "of too many pods one that a router does not know goes first": Case(
        {"replicas": 1},
        [pod("s-new-0", unknown_to=("r",)), pod("s-new-1")],
        Expected(cordoned=["s-new-0"]),
    ),
    "a cordoned pod with sessions keeps its place": Case(
        {"replicas": 2},
        [pod("s-old-0"), draining("s-old-1", used=1), pod("s-new-0")],
        Expected(),
    ),
    "a drained pod makes room at once": Case(
        {"replicas": 2},
        [pod("s-old-0"), draining("s-old-1"), pod("s-new-0")],
        Expected(made=[1], deleted=["s-old-1"]),
    ),
    "a cordoned pod that has not said that it drains is waited for": Case(
        {"replicas": 2},
        [pod("s-old-0"), pod("s-old-1", drain_deadline=HOUR), pod("s-new-0")],
        Expected(),
    ),
    "a cordoned pod of which nothing is known is waited for": Case(
        {"replicas": 1}, [draining("s-old-0", slots=None), pod("s-new-0")], Expected()
    ),
    "a cordoned pod whose container ended has no sessions": Case(
        {"replicas": 1},
        [draining("s-old-0", slots=None, running=False), pod("s-new-0")],
        Expected(deleted=["s-old-0"]),
    ),
    "at the drain deadline a pod goes with its sessions": Case(
        {"replicas": 1},
        [draining("s-old-0", used=1, drain_deadline=NOW), pod("s-new-0")],
        Expected(deleted=["s-old-0"]),
    ),
    "without spare GPUs the old pod goes first": Case(
        {"replicas": 2, "max_surge": 0, "max_unavailable": 1},
        [pod("s-old-0", slots=slots(1)), pod("s-old-1")],
        Expected(cordoned=["s-old-1"]),
    ),
    "without spare GPUs the new pod comes after": Case(
        {"replicas": 2, "max_surge": 0, "max_unavailable": 1},
        [pod("s-old-0"), draining("s-old-1")],
        Expected(made=[0], deleted=["s-old-1"]),
    ),
    "a bad revision leaves the old pods alone": Case(
        {"replicas": 2}, [pod("s-old-0"), pod("s-old-1"), waiting("s-new-0")], Expected()
    ),
    "a broken middle revision does not stand in the way": Case(
        {"replicas": 2},
        [pod("s-old-0"), pod("s-old-1"), waiting("s-mid-0")],
        Expected(made=[0], deleted=["s-mid-0"]),
    ),
    "a second edit keeps the budget over all revisions": Case(
        {"replicas": 2},
        [pod("s-old-0"), draining("s-old-1", used=1), pod("s-mid-0")],
        Expected(),
    ),
    "a middle revision that serves counts as serving": Case(
        {"replicas": 2, "max_surge": 2},
        [pod("s-old-0"), pod("s-mid-0"), pod("s-new-0")],
        Expected(made=[1], cordoned=["s-mid-0"]),
    ),
    "an old pod that lost its readiness is cordoned beyond the budget": Case(
        {"replicas": 2},
        [starting("s-old-0", slots=slots(1)), pod("s-old-1"), starting("s-new-0")],
        Expected(cordoned=["s-old-0"]),
    ),
    "an old pod that runs but does not answer is cordoned, not deleted": Case(
        {"replicas": 1},
        [starting("s-old-0", slots=None), pod("s-new-0")],
        Expected(cordoned=["s-old-0"]),
    ),
    "paused: both revisions stay": Case(
        {"replicas": 2, "paused": True}, [pod("s-old-0"), pod("s-old-1")], Expected()
    ),
    "paused: pods that are missing are of the new revision": Case(
        {"replicas": 3, "paused": True}, [pod("s-old-0"), pod("s-old-1")], Expected(made=[0])
    ),
    "paused: pods that are too many go": Case(
        {"replicas": 1, "paused": True},
        [pod("s-old-0"), pod("s-old-1", slots=slots(3))],
        Expected(cordoned=["s-old-0"]),
    ),
    "fewer pods: those with the fewest sessions go, and drain": Case(
        {"replicas": 1},
        [pod("s-new-0", slots=slots(1)), pod("s-new-1", slots=slots(3)), pod("s-new-2")],
        Expected(cordoned=["s-new-2", "s-new-0"]),
    ),
    "fewer pods: one that does not serve goes first, at once": Case(
        {"replicas": 1}, [pod("s-new-0"), waiting("s-new-1")], Expected(deleted=["s-new-1"])
    ),
    "fewer pods: among equals the highest slot goes": Case(
        {"replicas": 1}, [pod("s-new-0"), pod("s-new-1")], Expected(cordoned=["s-new-1"])
    ),
    "none wanted": Case(
        {"replicas": 0},
        [pod("s-new-0"), pod("s-old-1"), waiting("s-new-2")],
        Expected(cordoned=["s-old-1", "s-new-0"], deleted=["s-new-2"]),
    ),
    "a pod on a cordoned node is replaced elsewhere first": Case(
        {"replicas": 2},
        [pod("s-new-0"), pod("s-new-1", leaving_node=True)],
        Expected(made=[2]),
    ),
    "a pod on a cordoned node goes when its successor serves": Case(
        {"replicas": 2},
        [pod("s-new-0"), pod("s-new-1", leaving_node=True), pod("s-new-2")],
        Expected(cordoned=["s-new-1"]),
    ),
    "a pod on a cordoned node goes even when paused": Case(
        {"replicas": 1, "paused": True},
        [pod("s-old-0", leaving_node=True), pod("s-new-0")],
        Expected(cordoned=["s-old-0"]),
    ),
    "an evicted pod is replaced at once": Case(
        {"replicas": 2},
        [pod("s-new-0"), failed("s-new-1")],
        Expected(made=[2], deleted=["s-new-1"]),
    ),
    "the second failure in a row waits": Case(
        {"replicas": 2}, [pod("s-new-0"), failed("s-new-1", attempt=1)], Expected()
    ),
    "after the pause it is replaced": Case(
        {"replicas": 2},
        [pod("s-new-0"), failed("s-new-1", attempt=1, finished_at=NOW - timedelta(seconds=11))],
        Expected(made=[2], deleted=["s-new-1"]),
    ),
    "a pod that lived long is replaced at once": Case(
        {"replicas": 1},
        [failed("s-new-0", attempt=7, created=NOW - timedelta(minutes=11))],
        Expected(made=[1], deleted=["s-new-0"]),
    ),
    "a failed pod of an old revision just goes": Case(
        {"replicas": 1},
        [pod("s-new-0"), failed("s-old-0", attempt=5)],
        Expected(deleted=["s-old-0"]),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_made_cordoned_and_deleted(case: str) -> None:
    given, pods, expected = CASES[case]
    usual: dict[str, Any] = {"revision": "new", "max_surge": 1, "max_unavailable": 0}
    decided = roll_out(NOW, RolloutTarget(**(usual | given)), pods)
    assert list(decided.made) == list(expected.made)
    assert [each.name for each in decided.cordoned] == list(expected.cordoned)
    assert [each.name for each in decided.deleted] == list(expected.deleted)


def test_successors_of_failed_pods_know_how_often_it_went_wrong() -> None:
    wanted = RolloutTarget("new", replicas=1, max_surge=1, max_unavailable=0)
    ended = {"created": NOW - timedelta(minutes=2), "finished_at": NOW - timedelta(minutes=1)}
    decided = roll_out(NOW, wanted, [failed("s-new-0", attempt=2, **ended)])
    assert decided.made == {1: 3}


def test_it_is_looked_at_again_when_a_pause_or_a_deadline_is_over() -> None:
    wanted = RolloutTarget("new", replicas=1, max_surge=1, max_unavailable=0)
    bad = failed("s-new-0", attempt=1)
    decided = roll_out(NOW, wanted, [bad, draining("s-old-0", used=1)])
    assert sorted(decided.requeue_at) == [NOW + timedelta(seconds=5), HOUR]


def test_pauses_double_up_to_five_minutes() -> None:
    assert [backoff_s(attempt) for attempt in range(1, 9)] == [0, 10, 20, 40, 80, 160, 300, 300]
