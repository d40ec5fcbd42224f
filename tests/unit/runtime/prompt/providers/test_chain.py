from __future__ import annotations

import asyncio
import logging

import pytest

from matinee.prompt.providers.breaker import FAILURES
from matinee.prompt.providers.chain import Chain, ProviderFailed, Question, Reply
from matinee.prompt.writing import WriterUnavailable

QUESTION = Question("system", "a secret prompt")
RETRYABLE = ProviderFailed("HTTP 500", retryable=True)
FINAL = ProviderFailed("HTTP 401", retryable=False)


class Provider:
    def __init__(self, name: str, does: str | ProviderFailed) -> None:
        self.name = name
        self.does = does
        self.asked = 0
        self.at_once = self.most_at_once = 0
        self.closed = False

    async def ask(self, question: Question) -> Reply:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if isinstance(self.does, ProviderFailed):
            raise self.does
        return Reply(self.does, (3, 4))

    async def close(self) -> None:
        self.closed = True


class Meter:
    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []

    def asked(self, provider: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.said.append((provider, outcome))

    def used(self, provider: str, tokens: tuple[int, int]) -> None:
        self.said.append((provider, tokens))

    def breaker(self, provider: str, *, is_open: bool) -> None:
        self.said.append((provider, is_open))


def chain_of(*providers: Provider, at_once: int = 8) -> Chain:
    return Chain(providers, Meter(), at_once)


async def test_the_first_one_answers_and_is_counted() -> None:
    first, second = Provider("one", "yes"), Provider("two", "no")
    chain = chain_of(first, second)
    assert await chain.ask(QUESTION) == "yes"
    assert second.asked == 0
    assert isinstance(chain.meter, Meter)
    assert chain.meter.said == [("one", False), ("one", "ok"), ("one", (3, 4))]


async def test_one_that_fails_for_now_leaves_it_to_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chain = chain_of(Provider("one", RETRYABLE), Provider("two", "yes"))
    with caplog.at_level(logging.DEBUG):
        assert await chain.ask(QUESTION) == "yes"
    assert "one" in caplog.text
    assert "HTTP 500" in caplog.text
    assert "secret" not in caplog.text


async def test_a_question_that_is_refused_goes_to_nobody_else() -> None:
    second = Provider("two", "yes")
    with pytest.raises(WriterUnavailable):
        await chain_of(Provider("one", FINAL), second).ask(QUESTION)
    assert second.asked == 0


async def test_when_all_fail_that_is_said() -> None:
    with pytest.raises(WriterUnavailable, match="no provider answers"):
        await chain_of(Provider("one", RETRYABLE), Provider("two", RETRYABLE)).ask(QUESTION)


async def test_after_five_failures_a_provider_is_left_alone_and_later_tried_again() -> None:
    now = 0.0
    first, second = Provider("one", RETRYABLE), Provider("two", "yes")
    chain = Chain([first, second], Meter(), 8, now=lambda: now)
    for _ in range(FAILURES + 3):
        assert await chain.ask(QUESTION) == "yes"
    assert first.asked == FAILURES
    now, first.does = 1000.0, "here again"
    assert await chain.ask(QUESTION) == "here again"
    assert await chain.ask(QUESTION) == "here again"


async def test_so_many_questions_are_asked_at_once_and_no_more() -> None:
    provider = Provider("one", "yes")
    chain = chain_of(provider, at_once=2)
    await asyncio.gather(*(chain.ask(QUESTION) for _ in range(7)))
    assert (provider.asked, provider.most_at_once) == (7, 2)
    await chain.close()
    assert provider.closed
