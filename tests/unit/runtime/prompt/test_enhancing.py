from __future__ import annotations

import asyncio
import re

import pytest

from matinee.prompt.enhancing import WritingPreparer
from matinee.prompt.pipeline import AskedPrompt
from matinee.prompt.writing import WriterUnavailable, Written
from tests.unit.runtime.session.making import request_of


class Writer:
    """Writes what it is given; None: for ever."""

    def __init__(self, does: Written | Exception | None) -> None:
        self._does = does
        self.asked: list[object] = []

    async def enhance(self, prompt: str) -> Written:
        return await self._write(prompt)

    async def extend(self, past: tuple[str, ...]) -> Written:
        return await self._write(past)

    def reload(self) -> None:
        raise AssertionError

    async def close(self) -> None:
        raise AssertionError

    async def rewrite(self, prompt: str, count: int) -> tuple[str, ...]:
        raise AssertionError

    async def _write(self, asked: object) -> Written:
        self.asked.append(asked)
        match self._does:
            case Written() as written:
                return written
            case Exception() as error:
                raise error
            case _:
                await asyncio.Event().wait()
        raise AssertionError


ENHANCE = AskedPrompt(request_of("a ball"), "user", enhance=True)
EXTEND = AskedPrompt(request_of("a ball"), "auto_extension", past=("a cube", "a ball"))


@pytest.mark.parametrize(
    ("asked", "source", "writes_from"),
    [(ENHANCE, "enhanced", "a ball"), (EXTEND, "auto_extension", ("a cube", "a ball"))],
)
async def test_what_is_written_takes_the_prompt_s_place(
    asked: AskedPrompt, source: str, writes_from: object
) -> None:
    writer = Writer(Written(" a red ball ", ("noted",)))
    prepared = await WritingPreparer(writer, 60.0, 100).prepare(asked)
    assert prepared.request == request_of("a red ball")
    assert (prepared.source, prepared.notes, prepared.trouble) == (source, ("noted",), None)
    assert writer.asked == [writes_from]


async def test_who_wants_nothing_written_waits_for_nobody() -> None:
    writer = Writer(None)
    asked = AskedPrompt(request_of("a ball"), "user")
    assert await WritingPreparer(writer, 60.0, 100).prepare(asked) == asked.as_it_is()
    assert writer.asked == []


@pytest.mark.parametrize("text", ["a ball", "", "   "])
async def test_what_stays_as_it_was_is_the_client_s_own(text: str) -> None:
    prepared = await WritingPreparer(Writer(Written(text)), 60.0, 100).prepare(ENHANCE)
    assert prepared == ENHANCE.as_it_is()


async def test_what_is_too_long_is_cut() -> None:
    prepared = await WritingPreparer(Writer(Written("a red ball")), 60.0, 5).prepare(ENHANCE)
    assert prepared.request.prompt == "a red"


@pytest.mark.parametrize(
    ("does", "asked", "says"),
    [
        (WriterUnavailable("no provider answers"), ENHANCE, "not enhanced.*: no provider answers"),
        (WriterUnavailable("no provider answers"), EXTEND, "not extended.*: no provider answers"),
        (None, ENHANCE, "not enhanced within 0.01 s"),
    ],
)
async def test_without_a_writer_the_plain_prompt_is_used_and_that_is_said(
    does: Exception | None, asked: AskedPrompt, says: str
) -> None:
    prepared = await WritingPreparer(Writer(does), 0.01, 100).prepare(asked)
    assert (prepared.request, prepared.source) == (asked.request, asked.source)
    assert prepared.trouble is not None
    assert re.search(says, prepared.trouble)
