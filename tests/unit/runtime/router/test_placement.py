from __future__ import annotations

import random

import pytest

from matinee.router.homes import MOST_KEPT, Home, Homes
from matinee.router.placement import Wish, place
from matinee.router.table import Address, Backend, Thresholds
from matinee_api.config.router_config import Strategy
from matinee_api.contracts.pod_http import Slots


def backend(
    name: str,
    total: int | None = 4,
    used: int = 0,
    *,
    weight: float = 1.0,
    primary: bool = False,
    store: str | None = None,
) -> Backend:
    """`total`: None of one that tells no slots."""
    address = Address(f"http://{name}", name, primary=primary, weight=weight)
    one = Backend(address, Thresholds())
    one.succeeded(at=0.0, latency_ms=1.0)
    if total is not None:
        slots = Slots(ready=True, draining=False, total=total, used=used, queued=0, store=store)
        one.told(slots)
    return one


def chosen(backends: list[Backend], strategy: Strategy, wish: Wish | None = None) -> str | None:
    one = place(backends, strategy, wish or Wish("client", now=0.0))
    return one.address.name if one else None


FULL = backend("full", used=4)


@pytest.mark.parametrize("strategy", ["most-free", "weighted", "primary-first", "hash"])
def test_what_is_full_is_left_out_whatever_the_strategy(strategy: Strategy) -> None:
    assert chosen([backend("a", used=4, primary=True), backend("b", used=3)], strategy) == "b"
    assert chosen([FULL], strategy) is None
    assert chosen([], strategy) is None


def test_the_most_free_slots_win_and_then_the_least_remaining_work() -> None:
    assert chosen([backend("a", used=2), backend("b", used=1)], "most-free") == "b"
    early, late = backend("early"), backend("late")
    early.sessions, late.sessions = {1: 0.0}, {2: 50.0}
    assert chosen([late, early], "most-free", Wish("", now=60.0, mean_s=100.0)) == "early"


def test_one_that_tells_no_slots_counts_as_one_free_slot() -> None:
    assert chosen([backend("silent", None), backend("b", used=2)], "most-free") == "b"
    assert chosen([backend("silent", None), FULL], "most-free") == "silent"


def test_a_session_goes_where_it_is_known() -> None:
    """By its own server, or by those that share its store; to any where it is known at none."""
    one, other, twin = backend("one", store="s"), backend("other", used=1), backend("twin", 8)
    for home, name in (
        (Home.at(one), "one"),
        (Home.at(other), "other"),
        (Home("http://gone", "gone", "s"), "one"),
        (Home("http://gone", "gone", ""), "twin"),
        (Home("http://other", "another pod, of the same address"), "twin"),
    ):
        assert chosen([one, other, twin], "most-free", Wish("", now=0.0, home=home)) == name
    full = backend("full", used=4)
    assert chosen([full, twin], "most-free", Wish("", now=0.0, home=Home.at(full))) is None


def test_homes_are_forgotten_after_an_hour_and_the_oldest_first() -> None:
    homes, home = Homes(), Home("http://a", "a")
    for number in range(MOST_KEPT + 1):
        homes.note(str(number), home, now=0.0)
    assert [homes.of(str(number), 3599.0) for number in (0, 1)] == [None, home]
    assert homes.of("1", 3600.0) is None
    assert homes.of("never", 0.0) is None


def test_weights_are_proportions() -> None:
    heavy, light = backend("heavy", 100, weight=3.0), backend("light", 100, weight=1.0)
    for session in range(40):
        one = place([light, heavy], "weighted", Wish("", now=0.0))
        assert one is not None
        one.sessions[session] = 0.0
    assert (len(heavy.sessions), len(light.sessions)) == (30, 10)


def test_the_primary_comes_first_and_then_the_order_of_the_file() -> None:
    backends = [backend("a"), backend("b", primary=True), backend("c", 100)]
    assert chosen(backends, "primary-first") == "b"
    assert chosen([backends[0], backends[2]], "primary-first") == "a"


def test_a_hash_moves_only_the_clients_of_what_went() -> None:
    backends = [backend(name) for name in "abcde"]
    before = {client: chosen(backends, "hash", Wish(client, 0.0)) for client in map(str, range(99))}
    assert set(before.values()) == set("abcde")
    after = {client: chosen(backends[:-1], "hash", Wish(client, 0.0)) for client in before}
    moved = {client for client in before if before[client] != after[client]}
    assert moved == {client for client in before if before[client] == "e"}


def test_sessions_that_come_and_go_are_spread_evenly_and_no_pod_is_over_its_limit() -> None:
    backends = [backend(str(number), 8) for number in range(16)]
    draw = random.Random(7)  # noqa: S311
    playing: list[tuple[Backend, int]] = []
    for session in range(130):
        one = place(backends, "most-free", Wish("", now=float(session), mean_s=300.0))
        assert one is not None
        one.sessions[session] = float(session)
        playing.append((one, session))
        if session % 10 == 0:
            left, which = playing.pop(draw.randrange(len(playing)))
            del left.sessions[which]
    counts = sorted(len(one.sessions) for one in backends)
    assert counts[-1] <= 8
    assert counts[-1] - counts[0] <= 1


def test_a_session_moves_only_to_where_its_state_is() -> None:
    backends = [backend("a", store="x"), backend("b", used=3, store="y"), backend("c")]
    assert chosen(backends, "most-free", Wish("", now=0.0, store="y")) == "b"
    assert chosen(backends, "most-free", Wish("", now=0.0, store="z")) is None
