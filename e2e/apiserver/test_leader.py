from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from matinee_operator.kube import Kube
from matinee_operator.leader import LEASE_S, Leader


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replica(kube: Kube, namespace: str, clock: Clock) -> Callable[[str], Leader]:
    def make(name: str) -> Leader:
        return Leader(kube, namespace, name, lambda: datetime.now(UTC), clock)

    return make


async def test_one_replica_leads(replica: Callable[[str], Leader]) -> None:
    first, second = replica("a"), replica("b")
    await first.acquire()
    assert first.leading
    assert await first.attempt()
    assert not await second.attempt()


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
