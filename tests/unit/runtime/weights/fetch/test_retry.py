from __future__ import annotations

import pytest

from matinee.weights.fetch.errors import FetchFailed, TransferBroken
from matinee.weights.fetch.retry import TRIES, Retry

BROKEN = TransferBroken("it answers 503")


def test_pauses_double_until_enough_tries_were_in_vain() -> None:
    waited: list[float] = []
    retry = Retry("the hub", waited.append)
    for _ in range(TRIES - 1):
        retry.failed(BROKEN)
    with pytest.raises(FetchFailed, match="the hub does not answer: it answers 503") as caught:
        retry.failed(BROKEN)
    assert caught.value.reason == "SourceUnreachable"
    assert waited == [1.0, 2.0, 4.0, 8.0]


def test_progress_starts_the_pauses_anew() -> None:
    waited: list[float] = []
    retry = Retry("the hub", waited.append)
    for _ in range(20):
        retry.reset()
        retry.failed(BROKEN)
    assert waited == [1.0] * 20


def test_it_asks_until_there_is_an_answer() -> None:
    asked = 0

    def ask() -> str:
        nonlocal asked
        asked += 1
        if asked < TRIES:
            raise BROKEN
        return "yes"

    assert Retry("the hub", lambda _seconds: None).call(ask) == "yes"
