from __future__ import annotations

import dataclasses

import pytest

from matinee.errors import WorkerFailed
from matinee.generation import with_defaults
from matinee.prompt import PreparedPrompt
from matinee.session.reading import with_notes
from tests.unit.runtime.models import INFO

READS_24 = dataclasses.replace(INFO, prompt_tokens=24)
LONG = "a red ball " * 8


class Readers:
    """Each prompt as far as its `most`; None: they say nothing."""

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.asked: list[str] = []

    async def characters_read(
        self, session_id: str, prompts: tuple[str, ...]
    ) -> tuple[int, ...] | None:
        self.asked.append(session_id)
        if self.most == 0:
            raise WorkerFailed("no worker can generate")
        return None if self.most is None else tuple(min(len(p), self.most) for p in prompts)


@pytest.mark.parametrize(
    ("prompt", "most", "told", "asked"),
    [
        ("a red ball", 5, None, []),
        (LONG, 30, 30, ["s"]),
        (LONG, 1000, None, ["s"]),
        (LONG, None, None, ["s"]),
        (LONG, 0, None, ["s"]),
    ],
)
async def test_a_worker_is_asked_about_long_prompts(
    prompt: str, most: int | None, told: int | None, asked: list[str]
) -> None:
    prepared = PreparedPrompt(with_defaults(INFO.defaults, prompt, 7), "user")
    readers = Readers(most)
    read = await with_notes(prepared, READS_24, readers, "s")
    assert (read.request, read.prompt_read, readers.asked) == (prepared.request, told, asked)
    assert [f"{told} of {len(prompt)} characters" in note for note in read.notes] == [True] * bool(
        told
    )
