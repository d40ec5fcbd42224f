from __future__ import annotations

from matinee.serving.session_lengths import SessionLengths


def test_nothing_is_estimated_before_a_session_has_ended_or_without_slots() -> None:
    lengths = SessionLengths()
    assert lengths.eta_s(0, 2) is None
    lengths.remember(100.0)
    assert lengths.eta_s(0, 0) is None


def test_the_estimate_follows_the_newest_sessions() -> None:
    lengths = SessionLengths()
    lengths.remember(100.0)
    assert [lengths.eta_s(position, 2) for position in range(3)] == [50.0, 100.0, 150.0]
    lengths.remember(200.0)
    assert lengths.eta_s(0, 2) == 65.0
