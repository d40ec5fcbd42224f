"""A preparer that lets a writer enhance and extend prompts, for a bounded time."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine
from typing import Any

from matinee.prompt.pipeline import AskedPrompt, PreparedPrompt
from matinee.prompt.writing import Writer, WriterUnavailable, Written


class WritingPreparer:
    """Whatever the writer does, a prompt is prepared within `timeout_s`: then it is the plain one.
    `most_characters`: of what is written; more is cut."""

    def __init__(self, writer: Writer, timeout_s: float, most_characters: int) -> None:
        self._writer = writer
        self._timeout_s = timeout_s
        self._most_characters = most_characters

    async def prepare(self, asked: AskedPrompt) -> PreparedPrompt:
        if asked.past:
            return await self._written(asked, self._writer.extend(asked.past), "extended")
        if asked.enhance:
            writing = self._writer.enhance(asked.request.prompt)
            return await self._written(asked, writing, "enhanced")
        return asked.as_it_is()

    async def _written(
        self, asked: AskedPrompt, writing: Coroutine[Any, Any, Written], done: str
    ) -> PreparedPrompt:
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                written = await writing
        except WriterUnavailable as error:
            return asked.as_it_is(f"the prompt was not {done}, it is used as it is: {error}")
        except TimeoutError:
            if not limit.expired():
                raise
            return asked.as_it_is(
                f"the prompt was not {done} within {self._timeout_s:g} s, it is used as it is"
            )
        return self._as_prepared(asked, written)

    def _as_prepared(self, asked: AskedPrompt, written: Written) -> PreparedPrompt:
        text = written.text[: self._most_characters].strip()
        if not text or text == asked.request.prompt:
            return dataclasses.replace(asked.as_it_is(), notes=written.notes)
        request = dataclasses.replace(asked.request, prompt=text)
        source = asked.source if asked.past else "enhanced"
        return PreparedPrompt(request, source, notes=written.notes)
