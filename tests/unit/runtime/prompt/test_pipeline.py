from __future__ import annotations

from matinee.prompt.pipeline import AskedPrompt, PlainPrompt, PreparedPrompt
from tests.unit.runtime.session.making import request_of


async def test_a_plain_prompt_is_the_one_that_was_sent() -> None:
    asked = AskedPrompt(request_of("a ball"), "user", enhance=True)
    assert await PlainPrompt().prepare(asked) == PreparedPrompt(request_of("a ball"), "user")
