"""Rollouts under arbitrary events: what must never happen, and that it always comes to rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from matinee_operator.desired import RolloutTarget
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.plan.rollout import Rollout, roll_out
from tests.unit.operator.making import NOW, slots, waiting

DRAIN = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


@dataclasses.dataclass
class World:
    """Pods that do what pods do; `act` is one look of the operator at them."""

    wanted: RolloutTarget
    now: datetime = NOW
    pods: dict[str, ObservedPod] = dataclasses.field(default_factory=dict)

    def act(self) -> Rollout:
        before = list(self.pods.values())
        decided = roll_out(self.now, self.wanted, before)
        self._check(before, decided)
        for pod in decided.cordoned:
            self.change(pod, drain_deadline=self.now + DRAIN, slots=_draining(pod))
        for pod in decided.deleted:
            del self.pods[pod.name]
        for slot, attempt in decided.made.items():
            name = f"live-{self.wanted.revision}-{slot}"
            assert name not in self.pods
            self.pods[name] = waiting(name, created=self.now, attempt=attempt)
        return decided

    def change(self, pod: ObservedPod, **facts: object) -> None:
        self.pods[pod.name] = dataclasses.replace(self.pods[pod.name], **facts)  # type: ignore[arg-type]

    def _check(self, before: list[ObservedPod], decided: Rollout) -> None:
        going = {pod.name for pod in (*decided.cordoned, *decided.deleted)}
        serving = sum(pod.serving for pod in before)
        left = sum(pod.serving and pod.name not in going for pod in before)
        enough = self.wanted.replicas - self.wanted.max_unavailable
        assert left >= min(serving, enough), "fewer pods serve than the budget allows"
        live = len(before) - len(decided.deleted) + len(decided.made)
        most = self.wanted.replicas + self.wanted.max_surge
        assert live <= max(len(before), most), "more pods than the budget allows"
        for pod in decided.deleted:
            late = pod.drain_deadline is not None and pod.drain_deadline <= self.now
            assert pod.sessions == 0 or late or pod.finished, "a session was cut off"


def _draining(pod: ObservedPod) -> object:
    return dataclasses.replace(pod.slots, draining=True) if pod.slots else None


Event = Callable[[World, int], None]


def _pick(world: World, number: int) -> ObservedPod | None:
    names = sorted(world.pods)
    return world.pods[names[number % len(names)]] if names else None


def loads(world: World, number: int) -> None:
    pod = _pick(world, number)
    if pod and not pod.finished and not pod.running:
        world.change(pod, running=True, slots=slots(draining=pod.cordoned))


def becomes_ready(world: World, number: int) -> None:
    pod = _pick(world, number)
    if pod and pod.running and not pod.cordoned:
        world.change(pod, ready_since=world.now)


def stumbles(world: World, number: int) -> None:
    pod = _pick(world, number)
    if pod:
        world.change(pod, ready_since=None)


def session_begins(world: World, number: int) -> None:
    pod = _pick(world, number)
    if pod and pod.serving and pod.slots:
        world.change(pod, slots=dataclasses.replace(pod.slots, used=pod.slots.used + 1))


def session_ends(world: World, number: int) -> None:
    pod = _pick(world, number)
    if pod and pod.slots and pod.slots.used:
        world.change(pod, slots=dataclasses.replace(pod.slots, used=pod.slots.used - 1))


def is_evicted(world: World, number: int) -> None:
    pod = _pick(world, number)
    if pod:
        facts = {"running": False, "ready_since": None, "slots": None}
        world.change(pod, finished=True, finished_at=world.now, **facts)


def node_is_cordoned(world: World, number: int) -> None:
    pod = _pick(world, number)
    if pod:
        world.change(pod, leaving_node=True)


def new_revision(world: World, number: int) -> None:
    world.wanted = dataclasses.replace(world.wanted, revision=f"r{number % 4}")


def is_scaled(world: World, number: int) -> None:
    world.wanted = dataclasses.replace(world.wanted, replicas=number % 5)


def is_paused(world: World, number: int) -> None:
    world.wanted = dataclasses.replace(world.wanted, paused=bool(number % 2))


def time_passes(world: World, number: int) -> None:
    world.now += MINUTE * (number % 3)


EVENTS: tuple[Event, ...] = (
    *(loads, becomes_ready, becomes_ready, stumbles, session_begins, session_ends, is_evicted),
    *(node_is_cordoned, new_revision, is_scaled, is_paused, time_passes),
)
BUDGETS = st.sampled_from([(1, 0), (0, 1), (2, 1), (1, 1), (3, 0)])
HISTORY = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 99)), max_size=40)


@settings(max_examples=300)
@given(history=HISTORY, replicas=st.integers(0, 4), budget=BUDGETS)
def test_budgets_hold_whatever_happens_and_it_comes_to_rest(
    history: list[tuple[Event, int]], replicas: int, budget: tuple[int, int]
) -> None:
    surge, unavailable = budget
    world = World(RolloutTarget("r0", replicas, max_surge=surge, max_unavailable=unavailable))
    for event, number in history:
        event(world, number)
        world.act()
    _comes_to_rest(world)


def _comes_to_rest(world: World) -> None:
    """Once nothing bad happens any more: exactly the wanted pods, all new, all serving."""
    is_paused(world, 0)
    for _ in range(60):
        for number in range(len(world.pods)):
            loads(world, number)
            becomes_ready(world, number)
            session_ends(world, number)
        decided = world.act()
        world.now += MINUTE
    assert decided == Rollout()
    pods = list(world.pods.values())
    assert len(pods) == world.wanted.replicas
    assert {pod.revision for pod in pods} <= {world.wanted.revision}
    assert all(pod.serving for pod in pods)
