from __future__ import annotations

import pytest

from matinee.prompt.model_writer import ModelWriter
from matinee.prompt.providers.chain import Question
from matinee.prompt.system_prompts import SystemPrompts
from matinee.prompt.writing import WriterUnavailable, Written


class Model:
    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.asked: list[Question] = []
        self.closed = False

    async def ask(self, question: Question) -> str:
        self.asked.append(question)
        return self.answer

    async def close(self) -> None:
        self.closed = True


def writer_of(model: Model) -> ModelWriter:
    return ModelWriter(model, SystemPrompts(), 100)


async def test_a_prompt_is_enhanced_by_what_a_model_answers() -> None:
    model = Model('"a red ball on a beach"')
    assert await writer_of(model).enhance("a ball") == Written("a red ball on a beach")
    assert model.asked == [Question(SystemPrompts().text("enhance"), "a ball")]


async def test_the_next_prompt_is_written_from_the_last_ones() -> None:
    model = Model("it rolls on")
    assert await writer_of(model).extend(("a ball", "it rolls")) == Written("it rolls on")
    assert model.asked[0].user == "1. a ball\n2. it rolls"


async def test_as_many_alternatives_are_asked_for_as_are_wanted() -> None:
    model = Model("1. one\n2. two\n3. three")
    assert await writer_of(model).rewrite("a ball", 2) == ("one", "two")
    assert "exactly 2," in model.asked[0].system


@pytest.mark.parametrize("answer", ["", "<think>...", "Here they are:"])
async def test_an_answer_without_prompts_is_none(answer: str) -> None:
    writer = writer_of(Model(answer))
    with pytest.raises(WriterUnavailable):
        await writer.enhance("a ball")
    with pytest.raises(WriterUnavailable):
        await writer.rewrite("a ball", 3)


async def test_its_end_is_the_end_of_its_connections() -> None:
    model = Model("")
    await writer_of(model).close()
    assert model.closed
