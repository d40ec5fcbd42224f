"""Where prompts come from when the client sends none, and what prepares each before its segment."""

from __future__ import annotations

from matinee.prompt.pipeline import PlainPrompt, PreparedPrompt, Preparer, PromptRefused
from matinee.prompt.sources import PromptSources

__all__ = ["PlainPrompt", "PreparedPrompt", "Preparer", "PromptRefused", "PromptSources"]
