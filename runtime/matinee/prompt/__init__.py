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
from matinee.prompt.providers.chain import Meter
from matinee.prompt.providers.opening import open_model_writer
from matinee.prompt.providers.settings import ProviderUnusable
from matinee.prompt.sources import PromptSources
from matinee.prompt.tiny.writer import TinyWriter
from matinee.prompt.writing import Writer, WriterUnavailable, Written

__all__ = [
    "AskedPrompt",
    "Meter",
    "PlainPrompt",
    "PreparedPrompt",
    "Preparer",
    "PromptRefused",
    "PromptSources",
    "ProviderUnusable",
    "TinyWriter",
    "Writer",
    "WriterUnavailable",
    "WritingPreparer",
    "Written",
    "open_model_writer",
]  # fmt: skip
