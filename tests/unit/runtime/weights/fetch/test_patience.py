from __future__ import annotations

import pytest

from matinee.weights.fetch.errors import FetchFailed, TransferBroken
from matinee.weights.fetch.patience import PAUSES_S, Patience

BROKEN = TransferBroken("it answers 503")


def test_pauses_grow_until_patience_ends() -> None:
    waited: list[float] = []
    patience = Patience("the hub", waited.append)
    for _ in PAUSES_S:
        patience.lost(BROKEN)
    with pytest.raises(FetchFailed, match="the hub does not answer: it answers 503") as caught:
        patience.lost(BROKEN)
    assert caught.value.reason == "SourceUnreachable"
    assert waited == list(PAUSES_S)


def test_progress_refreshes_it() -> None:
    waited: list[float] = []
    patience = Patience("the hub", waited.append)
    for _ in range(20):
        patience.refreshed()
        patience.lost(BROKEN)
    assert waited == [PAUSES_S[0]] * 20


def test_it_asks_until_there_is_an_answer() -> None:
    asked = 0

    def ask() -> str:
        nonlocal asked
        asked += 1
        if asked < len(PAUSES_S):
            raise BROKEN
        return "yes"

    assert Patience("the hub", lambda _seconds: None).ask(ask) == "yes"
