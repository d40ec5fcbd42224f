"""Where prompts come from when the client sends none, who writes them, and what prepares each
before its segment."""

from __future__ import annotations

from matinee.prompt.enhancing import WritingPreparer
from matinee.prompt.pipeline import (
    AskedPrompt,
    PlainPrompt,
    PreparedPrompt,
    Preparer,
    PromptRefused,
)
from matinee.prompt.sources import PromptSources
from matinee.prompt.tiny.writer import TinyWriter
from matinee.prompt.writing import Writer, WriterUnavailable, Written

__all__ = [
    "AskedPrompt", "PlainPrompt", "PreparedPrompt", "Preparer", "PromptRefused", "PromptSources",
    "TinyWriter", "Writer", "WriterUnavailable", "WritingPreparer", "Written",
]  # fmt: skip
