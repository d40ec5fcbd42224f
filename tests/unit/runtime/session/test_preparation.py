from __future__ import annotations

import asyncio
import logging

import pytest

from matinee.prompt import AskedPrompt, PlainPrompt, PreparedPrompt, PromptRefused
from matinee.session.preparation import prepare
from tests.unit.runtime.session.making import request_of

ASKED = AskedPrompt(request_of(), "user")


class Preparer:
    """Does what it was given."""

    def __init__(self, does: Exception | None) -> None:
        self._does = does

    async def prepare(self, asked: AskedPrompt) -> PreparedPrompt:
        if self._does is not None:
            raise self._does
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_plain_prompt_stays_as_it_is() -> None:
    assert await prepare(PlainPrompt(), ASKED, 1.0) == PreparedPrompt(request_of(), "user")


async def test_a_refusal_is_handed_on() -> None:
    refusal = PromptRefused("prompt_blocked", "no")
    with pytest.raises(PromptRefused) as caught:
        await prepare(Preparer(refusal), ASKED, 1.0)
    assert caught.value is refusal


@pytest.mark.parametrize("error", [ZeroDivisionError("details"), TimeoutError("of a socket")])
async def test_a_mistake_is_logged_and_told_without_details(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(PromptRefused) as caught:
        await prepare(Preparer(error), ASKED, 60.0)
    why = caught.value
    assert (why.code, why.retryable) == ("internal_error", False)
    assert why.message == "the prompt could not be prepared"
    assert type(error).__name__ in caplog.text


async def test_too_long_is_told_with_the_limit() -> None:
    with pytest.raises(PromptRefused) as caught:
        await prepare(Preparer(None), ASKED, 0.01)
    assert (caught.value.code, caught.value.retryable) == ("upstream_timeout", True)
    assert "longer than 0.01 s" in caught.value.message
