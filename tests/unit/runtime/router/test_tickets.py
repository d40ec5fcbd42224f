from __future__ import annotations

import base64

import pytest

from matinee.router import tickets
from matinee.router.tickets import CHARACTERS, LIFETIME_S, SKEW_S, Tickets, TooManyTickets

NOW = 1_790_000_000.0
ALICE = b"alice-id"
OLD, NEW = b"o" * 32, b"n" * 32


def sharing(*secrets: bytes) -> Tickets:
    return Tickets(lambda: secrets)


def test_a_ticket_opens_one_stream_at_any_router_of_the_same_secret() -> None:
    one, other = sharing(OLD), sharing(NEW, OLD)
    ticket = one.issue(ALICE, NOW)
    assert len(ticket) == CHARACTERS
    assert other.redeem(ticket, NOW + LIFETIME_S - 1) == ALICE
    assert other.redeem(ticket, NOW + 1) is None, "it was used"
    assert one.issue(ALICE, NOW) != ticket


@pytest.mark.parametrize("at", [NOW + LIFETIME_S, NOW + 10**6, NOW - SKEW_S - 1, 0.0])
def test_a_ticket_lives_for_seconds(at: float) -> None:
    one = sharing(OLD)
    assert one.redeem(one.issue(ALICE, NOW), at) is None


def test_what_is_no_ticket_of_ours_opens_nothing() -> None:
    one = sharing(OLD)
    ticket = one.issue(ALICE, NOW)
    raw = bytearray(base64.urlsafe_b64decode(ticket))
    forged = []
    for place in range(len(raw)):  # whose it is, until when, the signature
        raw[place] ^= 1
        forged.append(base64.urlsafe_b64encode(bytes(raw)).decode())
        raw[place] ^= 1
    others = [sharing(NEW).issue(ALICE, NOW), sharing().issue(ALICE, NOW), ticket[:-1], ticket * 2]
    for wrong in (*forged, *others, "", "é" * CHARACTERS, "=" * CHARACTERS, "!" * CHARACTERS):
        assert one.redeem(wrong, NOW) is None, wrong
    assert one.redeem(ticket, NOW) == ALICE, "nobody used it up"


def test_a_short_secret_signs_nothing_for_it_could_be_guessed_from_a_ticket() -> None:
    one, other = sharing(b"hunter2"), sharing(b"hunter2")
    ticket = one.issue(ALICE, NOW)
    assert other.redeem(ticket, NOW) is None
    assert one.redeem(ticket, NOW) == ALICE


def test_tickets_that_were_used_are_bounded_and_forgotten_when_they_have_expired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tickets, "MOST_USED", 3)
    one = sharing(OLD)
    for _ in range(3):
        assert one.redeem(one.issue(ALICE, NOW), NOW) == ALICE
    with pytest.raises(TooManyTickets):
        one.redeem(one.issue(ALICE, NOW), NOW)
    later = NOW + LIFETIME_S + SKEW_S
    assert one.redeem(one.issue(ALICE, later), later) == ALICE
