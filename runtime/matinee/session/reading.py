"""How much of a prompt the model will read, asked before its segment begins."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from matinee.errors import WorkerFailed
from matinee.generation import ModelInfo, may_be_cut, notes_on, prompts_of
from matinee.prompt import PreparedPrompt


class Readers(Protocol):
    """The workers, as far as they are asked here."""

    async def characters_read(
        self, session_id: str, prompts: tuple[str, ...]
    ) -> tuple[int, ...] | None: ...


async def with_notes(
    prepared: PreparedPrompt, info: ModelInfo, readers: Readers, session_id: str
) -> PreparedPrompt:
    """The same, with what the viewer is told of it. A worker is asked only where a prompt may be
    too long."""
    request = prepared.request
    prompts, read = prompts_of(request), None
    if may_be_cut(info, prompts):
        try:
            read = await readers.characters_read(session_id, prompts)
        except WorkerFailed:
            read = None  # the segment will say so
    cut = read[0] if read and read[0] < len(request.prompt) else None
    notes = (*prepared.notes, *notes_on(info, request, read))
    return dataclasses.replace(prepared, prompt_read=cut, notes=notes)
