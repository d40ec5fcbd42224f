"""What a worker is asked beside its jobs. It answers between two steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from matinee.worker.messages import Command, PromptsRead, ReadPrompts

Answer = asyncio.Future[tuple[int, ...] | None]

ANSWER_S = 10.0
"""A question is never worth more than the segment that it is about."""


class Questions:
    """To one process after the other."""

    def __init__(self) -> None:
        self._ids = count()
        self._open: dict[int, Answer] = {}

    async def ask(
        self, send: Callable[[Command], None], prompts: tuple[str, ...]
    ) -> tuple[int, ...] | None:
        """The answer; None when the process dies before, or says nothing for `ANSWER_S`."""
        question_id = next(self._ids)
        answer: Answer = asyncio.get_running_loop().create_future()
        self._open[question_id] = answer
        try:
            send(ReadPrompts(question_id, prompts))
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._open[question_id]

    def take(self, event: PromptsRead) -> None:
        answer = self._open.get(event.question_id)
        if answer is not None and not answer.done():
            answer.set_result(event.characters)

    def lost(self) -> None:
        """The process has died."""
        for answer in self._open.values():
            if not answer.done():
                answer.set_result(None)
