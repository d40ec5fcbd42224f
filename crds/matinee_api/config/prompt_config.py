"""Who enhances, extends and rewrites the prompts of clients who want that."""

from __future__ import annotations

from pydantic import Field

from matinee_api.config.config_model import Config


class PromptConfig(Config):
    """Prompts that are enhanced, extended and rewritten (docs/prompts.md)."""

    enabled: bool | None = None
    """Whether clients may have that. Unset: with `builtin:tiny`, which has a writer of its own."""
    timeout_ms: int = Field(default=20_000, ge=1, le=25_000)
    """How long a prompt may be written at most: then the client's own one is used, and the client
    is told."""
