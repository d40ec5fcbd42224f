"""A writer that asks language models."""

from __future__ import annotations

from typing import Protocol

from matinee.prompt.answers import one_prompt, several_prompts
from matinee.prompt.providers.chain import Question
from matinee.prompt.system_prompts import SystemPrompts
from matinee.prompt.writing import WriterUnavailable, Written


class Asked(Protocol):
    """See `Chain`."""

    async def ask(self, question: Question) -> str:
        """Raises `WriterUnavailable`."""
        ...

    async def close(self) -> None: ...


class ModelWriter:
    """See `Writer`. `most_characters`: of each prompt that is written."""

    def __init__(self, models: Asked, texts: SystemPrompts, most_characters: int) -> None:
        self._models = models
        self._texts = texts
        self._most_characters = most_characters

    async def enhance(self, prompt: str) -> Written:
        return await self._one(Question(self._texts.text("enhance"), prompt))

    async def extend(self, past: tuple[str, ...]) -> Written:
        said = "\n".join(f"{number}. {prompt}" for number, prompt in enumerate(past, 1))
        return await self._one(Question(self._texts.text("auto_extend"), said))

    async def rewrite(self, prompt: str, count: int) -> tuple[str, ...]:
        system = self._texts.text("rewrite").replace("{count}", str(count))
        answer = await self._models.ask(Question(system, prompt))
        texts = several_prompts(answer, count, self._most_characters)
        if not texts:
            raise WriterUnavailable("the answer holds no prompts")
        return texts

    def reload(self) -> None:
        self._texts.reload()

    async def close(self) -> None:
        await self._models.close()

    async def _one(self, question: Question) -> Written:
        text = one_prompt(await self._models.ask(question), self._most_characters)
        if text is None:
            raise WriterUnavailable("the answer holds no prompt")
        return Written(text)
