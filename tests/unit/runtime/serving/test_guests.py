from __future__ import annotations

from dataclasses import dataclass

import pytest

from matinee.serving.guests import Guest, Guests, Phase, TooMany, address_of, overdue
from matinee_api.config.connection_limits import ConnectionLimits

LIMITS = ConnectionLimits(connections_per_address=3)


@dataclass
class Transport:
    aborted: bool = False
    closing: bool = False

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.aborted = True


def guest(phase: Phase = Phase.HEAD, since: float = 0.0, address: str = "a") -> Guest:
    return Guest(address, Transport(), lambda: None, since, phase)


def guests(most: int = 4) -> Guests:
    return Guests(LIMITS, most)


def add(to: Guests, *those: Guest) -> list[bool]:
    for one in those:
        to.add(one)
    return cut_off(*those)


def cut_off(*those: Guest) -> list[bool]:
    return [one.transport.aborted for one in those if isinstance(one.transport, Transport)]


def test_the_longest_idle_one_makes_room_for_a_new_one() -> None:
    ours = guests()
    those = [guest(Phase.HEAD, since, f"{since}") for since in (3.0, 1.0, 2.0, 4.0)]
    new = guest(address="new")
    add(ours, *those)
    add(ours, new)
    assert cut_off(*those, new) == [False, True, False, False, False]
    assert len(ours) == 4


@pytest.mark.parametrize("phase", [Phase.BODY, Phase.ANSWER, Phase.STREAM])
def test_nobody_who_is_served_is_cut_off_for_another(phase: Phase) -> None:
    ours = guests()
    those = [guest(phase, address=f"{one}") for one in range(4)]
    add(ours, *those)
    with pytest.raises(TooMany, match="4 connections"):
        ours.add(guest(address="new"))
    assert cut_off(*those) == [False] * 4
    ours.remove(those[0])
    ours.remove(those[0])
    ours.add(guest(address="new"))


def test_an_address_that_has_many_loses_one_of_its_own() -> None:
    ours = guests(100)
    other = guest(since=0.0, address="other")
    mine = [guest(since=1.0 + one) for one in range(3)]
    add(ours, other, *mine)
    ours.add(guest(since=9.0))
    assert cut_off(other, *mine) == [False, True, False, False]


def test_who_is_closed_already_goes_first() -> None:
    ours = guests()
    closing = guest(Phase.STREAM, 9.0, "closing")
    closing.transport = Transport(closing=True)
    others = [guest(address=f"{one}") for one in range(3)]
    add(ours, *others, closing)
    ours.add(guest(address="new"))
    assert cut_off(*others, closing) == [False, False, False, True]


@pytest.mark.parametrize(
    ("phase", "patience_s"),
    [(Phase.HEAD, LIMITS.head_seconds), (Phase.BODY, LIMITS.body_seconds)],
)
def test_a_request_may_take_its_time_and_no_more(phase: Phase, patience_s: float) -> None:
    slow = guest(phase, since=5.0)
    assert overdue(slow, LIMITS, 5.0 + patience_s - 0.01) is None
    assert overdue(slow, LIMITS, 5.0 + patience_s) == "request"


@pytest.mark.parametrize("phase", [Phase.ANSWER, Phase.IDLE, Phase.SILENT, Phase.STREAM])
def test_others_have_clocks_elsewhere(phase: Phase) -> None:
    assert overdue(guest(phase), LIMITS, 1e6) is None


def test_who_reads_nothing_is_cut_off() -> None:
    ours, stuck, gone = guests(), guest(Phase.STREAM), guest(Phase.STREAM)
    stuck.stuck_since = 10.0
    gone.transport = Transport(closing=True)
    add(ours, stuck, gone)
    ours.sweep(10.0)
    ours.sweep(10.0 + LIMITS.close_seconds - 1)
    assert cut_off(stuck, gone) == [False, False]
    ours.sweep(10.0 + LIMITS.close_seconds)
    assert cut_off(stuck, gone) == [False, True]
    ours.sweep(10.0 + LIMITS.unread_seconds)
    assert cut_off(stuck) == [True]


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        (("10.0.0.7", 5000), "10.0.0.7"),
        (("::ffff:10.0.0.7", 5000, 0, 0), "10.0.0.7"),
        (("2001:db8::1", 1, 0, 0), address_of(("2001:db8::ffff:1", 2, 0, 0))),
        (("fe80::1%eth0", 1, 0, 2), address_of(("fe80::2%eth0", 1, 0, 2))),
        ("", ""),
        (None, ""),
    ],
)
def test_an_address_is_one_host_or_one_network(peer: object, address: str) -> None:
    assert address_of(peer) == address
