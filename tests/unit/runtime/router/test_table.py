from __future__ import annotations

import pytest

from matinee.router.table import Address, Backend, Health, Table, Thresholds
from matinee_api.contracts.pod_http import Slots


def backend(
    *, total: int = 4, used: int = 0, ready: bool = True, draining: bool = False
) -> Backend:
    """A healthy one that told its slots."""
    one = Backend(Address("http://a", "a"), Thresholds(failures=3, recoveries=2))
    one.succeeded(at=0.0, latency_ms=1.0)
    one.told(Slots(ready=ready, draining=draining, total=total, used=used, queued=0))
    return one


@pytest.mark.parametrize(
    ("answers", "health"),
    [
        ("", "unknown"),
        ("+", "healthy"),
        ("--", "unknown"),
        ("---", "unhealthy"),
        ("+--", "healthy"),
        ("+--+--", "healthy"),
        ("+---", "unhealthy"),
        ("---+", "unhealthy"),
        ("---++", "healthy"),
        ("---+-++", "healthy"),
        ("---+-+", "unhealthy"),
    ],
)
def test_health_changes_after_answers_in_a_row(answers: str, health: str) -> None:
    one = Backend(Address("http://a", "a"), Thresholds(failures=3, recoveries=2))
    for answer in answers:
        if answer == "+":
            one.succeeded(at=5.0, latency_ms=2.0)
        else:
            one.failed()
    assert one.health == health


def test_what_others_use_and_what_we_gave_since_it_told_us_is_not_free() -> None:
    one = backend(total=4, used=1)
    assert one.free == 3
    one.sessions[1] = 0.0  # not told so far
    assert one.free == 2
    one.told(Slots(ready=True, draining=False, total=4, used=2, queued=0))
    assert one.free == 2
    del one.sessions[1]  # it has ended, and nobody told us so far
    assert one.free == 3


@pytest.mark.parametrize(("ready", "draining"), [(False, False), (True, True)])
def test_one_that_is_not_ready_or_drains_gets_nothing_new(ready: bool, draining: bool) -> None:
    assert not backend(ready=ready, draining=draining).takes_new


def test_one_that_refused_gets_nothing_before_it_is_heard_of() -> None:
    one = backend()
    one.refused()
    one.succeeded(at=1.0, latency_ms=1.0)  # it tells slots, so health alone says nothing of them
    assert one.free == 0
    one.told(Slots(ready=True, draining=False, total=4, used=4, queued=1))
    assert one.free == 0
    one.told(None)
    one.refused()
    assert one.free == 0
    one.succeeded(at=2.0, latency_ms=1.0)
    assert one.free is None


def test_what_one_tells_while_it_is_asked_is_newer_than_its_refusal() -> None:
    """The slot became free right after it refused, and nothing else will change."""
    one = backend()
    before = one.tellings
    one.told(Slots(ready=True, draining=False, total=4, used=3, queued=0))
    one.refused(before)
    assert one.free == 1
    one.refused(one.tellings)
    assert one.free == 0


def test_remaining_work_is_what_sessions_have_left_on_the_average() -> None:
    one = backend()
    one.sessions = {1: 0.0, 2: 90.0, 3: -500.0}
    assert one.remaining_s(now=100.0, mean_s=120.0) == 20.0 + 110.0


def test_an_endpoint_that_terminates_keeps_its_sessions_and_one_that_is_gone_too() -> None:
    table = Table(Thresholds())
    changes: list[int] = []
    table.on_change = lambda: changes.append(len(table))
    table.set_addresses([Address("http://a", "a"), Address("http://b", "b")])
    first, second = table
    for one in table:
        table.succeeded(one, at=0.0, latency_ms=1.0)
    table.begin(first, 1, now=0.0)
    table.set_addresses([Address("http://a", "a", takes_new=False)])
    assert list(table) == [first]  # the other one had no sessions
    assert not first.takes_new
    table.set_addresses([])
    assert (list(table), first.gone, first.takes_new) == ([first], True, False)
    table.set_addresses([Address("http://a", "a")])
    assert first.takes_new
    table.set_addresses([])
    table.end(first, 1)
    assert list(table) == []
    assert changes
    assert second.health is Health.HEALTHY


def test_hope_is_a_backend_that_takes_sessions_or_was_never_asked() -> None:
    table = Table(Thresholds(failures=1))
    assert not table.has_hope
    table.set_addresses([Address("http://a", "a")])
    (one,) = table
    assert (table.has_hope, table.all_asked) == (True, False)
    one.failed()
    assert (table.has_hope, table.all_asked, table.capacity) == (False, True, 0)


def test_a_backend_that_loads_its_model_is_hope_but_takes_nobody_so_far() -> None:
    table = Table(Thresholds(failures=1))
    table.set_addresses([Address("http://a", "a")])
    (one,) = table
    table.succeeded(one, at=0.0, latency_ms=1.0)
    loads = Slots(draining=False, ready=False, total=0, used=0, queued=0)
    table.told(one, loads)
    assert (table.takes_new, table.has_hope, table.free) == (False, True, 0)
    table.told(one, loads.model_copy(update={"draining": True}))
    assert not table.has_hope
    table.told(one, loads.model_copy(update={"ready": True, "total": 4, "free": 4}))
    assert (table.takes_new, table.free) == (True, 4)
    table.told(one, None)
    assert table.free == 1
