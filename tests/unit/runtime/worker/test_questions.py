from __future__ import annotations

import asyncio

from matinee.worker.messages import Command, PromptsRead, ReadPrompts
from matinee.worker.questions import Questions


async def test_an_answer_belongs_to_its_question() -> None:
    questions, sent = Questions(), list[Command]()
    asking = [asyncio.create_task(questions.ask(sent.append, (word,))) for word in ("a", "bb")]
    await asyncio.sleep(0)
    assert sent == [ReadPrompts(0, ("a",)), ReadPrompts(1, ("bb",))]
    questions.take(PromptsRead(1, (2,)))
    questions.take(PromptsRead(7, (7,)))
    questions.take(PromptsRead(0, (1,)))
    assert await asyncio.gather(*asking) == [(1,), (2,)]


async def test_a_process_that_dies_answers_nothing() -> None:
    questions = Questions()
    asking = asyncio.create_task(questions.ask(lambda _command: None, ("a",)))
    await asyncio.sleep(0)
    questions.lost()
    questions.lost()
    assert await asking is None
