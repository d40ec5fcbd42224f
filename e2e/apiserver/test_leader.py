from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from matinee_operator.clients.kube import Kube
from matinee_operator.clients.leader import Leader, LeadershipLost
from matinee_operator.errors import Unavailable

LEASE_S = 12.0
LEASES = "coordination.k8s.io/v1"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replica(kube: Kube, namespace: str, clock: Clock) -> Callable[[str], Leader]:
    def make(name: str) -> Leader:
        now, sleep = lambda: datetime.now(UTC), clock.sleep
        return Leader(kube, namespace, name, now, clock, LEASE_S, sleep=sleep)

    return make


async def test_one_replica_leads(replica: Callable[[str], Leader]) -> None:
    first, second = replica("a"), replica("b")
    await first.acquire()
    assert first.leading
    assert await first.attempt()
    assert not await second.attempt()


async def test_each_installation_of_a_namespace_has_its_own_lease(
    replica: Callable[[str], Leader],
) -> None:
    first, second = replica("a"), replica("b")
    second.name = "other-operator"
    assert await first.attempt()
    assert await second.attempt()
    assert await first.attempt()


async def test_a_lease_that_says_nothing_is_nobody_s(
    kube: Kube, namespace: str, replica: Callable[[str], Leader]
) -> None:
    meta = {"name": "matinee-operator", "namespace": namespace}
    await kube.create({"apiVersion": LEASES, "kind": "Lease", "metadata": meta})
    assert await replica("a").attempt()


async def test_a_lease_that_stands_still_is_taken_over(
    replica: Callable[[str], Leader], clock: Clock
) -> None:
    first, second = replica("a"), replica("b")
    await first.acquire()
    assert not await second.attempt()
    clock.seconds = LEASE_S - 1
    assert not await second.attempt()
    clock.seconds = LEASE_S
    assert await second.attempt()
    assert not await first.attempt()


async def test_a_lease_that_is_renewed_is_not(
    replica: Callable[[str], Leader], clock: Clock
) -> None:
    first, second = replica("a"), replica("b")
    await first.acquire()
    assert not await second.attempt()
    clock.seconds = LEASE_S - 1
    assert await first.attempt()
    assert not await second.attempt()
    clock.seconds = LEASE_S
    assert not await second.attempt()


async def test_a_lease_that_is_released_is_taken_at_once(
    replica: Callable[[str], Leader],
) -> None:
    first, second = replica("a"), replica("b")
    await first.acquire()
    await first.release()
    assert not first.leading
    assert await second.attempt()
    await first.release()  # of a replica that does not lead: nothing
    assert await second.attempt()


async def test_a_leader_that_another_one_has_replaced_ends_itself(
    replica: Callable[[str], Leader], clock: Clock
) -> None:
    first, second = replica("a"), replica("b")
    await first.acquire()
    assert not await second.attempt()
    clock.seconds = LEASE_S
    assert await second.attempt()
    with pytest.raises(LeadershipLost, match="another replica has it"):
        await first.keep()
    assert not first.leading


class Deaf(Kube):
    """A connection on which no answer comes any more."""

    async def request(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise Unavailable(0, "TimeoutError", "no answer")


async def test_a_leader_that_cannot_renew_ends_itself_before_the_lease_does(
    kube: Kube, replica: Callable[[str], Leader], clock: Clock
) -> None:
    leader = replica("a")
    await leader.acquire()
    leader.kube = Deaf(kube.client, kube.metrics)
    with pytest.raises(LeadershipLost, match="not renewed in time"):
        await leader.keep()
    assert clock.seconds < LEASE_S
