from __future__ import annotations

from matinee.prompt.providers.breaker import FAILURES, OPEN_S, Breaker


def opened(now: float) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.allows(now)
        breaker.failed(now)
    return breaker


def test_it_opens_after_five_failures_in_a_row() -> None:
    assert FAILURES == 5
    breaker = Breaker()
    for _ in range(3 * FAILURES):
        for _ in range(FAILURES - 1):
            breaker.failed(0.0)
        breaker.succeeded()
        assert breaker.allows(0.0)
    assert not opened(0.0).allows(0.0)


def test_while_it_is_open_one_request_tries_from_time_to_time() -> None:
    breaker = opened(100.0)
    assert not breaker.allows(100.0 + OPEN_S - 1)
    assert breaker.allows(100.0 + OPEN_S)
    assert not breaker.allows(100.0 + OPEN_S), "only one"
    breaker.failed(100.0 + OPEN_S)
    assert not breaker.allows(100.0 + 2 * OPEN_S - 1)
    assert breaker.allows(100.0 + 2 * OPEN_S)
    breaker.succeeded()
    assert breaker.allows(100.0 + 2 * OPEN_S)
