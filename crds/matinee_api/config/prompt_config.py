"""Who enhances, extends and rewrites the prompts of clients who want that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from matinee_api.config.config_model import Config
from matinee_api.kinds.rules import broken_rules


@dataclass(frozen=True, slots=True)
class Preset:
    """What a provider of that name has where nothing else is said."""

    base_url: str
    model: str
    api_key_env: str


PRESETS = {
    "cerebras": Preset("https://api.cerebras.ai/v1", "gpt-oss-120b", "CEREBRAS_API_KEY"),
    "groq": Preset("https://api.groq.com/openai/v1", "openai/gpt-oss-120b", "GROQ_API_KEY"),
    "openai": Preset("https://api.openai.com/v1", "gpt-4o-mini", "OPENAI_API_KEY"),
}


class ProviderConfig(Config):
    """A language model behind OpenAI's chat completions."""

    name: str = Field(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    """`cerebras`, `groq` and `openai` have an address, a model and a variable of their own; any
    other name needs `base_url` and `model`. Metrics and logs call it so."""
    base_url: str | None = Field(default=None, pattern="^https?://[^ ]+$", max_length=2048)
    """Address that `/chat/completions` is added to, such as `http://ollama:11434/v1`."""
    model: str | None = Field(default=None, min_length=1, max_length=256)
    """The model's name at that address."""
    api_key_env: str | None = Field(default=None, pattern="^[A-Za-z_][A-Za-z0-9_]*$")
    """Variable of the environment with the key. Unset: the preset's own, or none is sent."""
    timeout_ms: int | None = Field(default=None, ge=1, le=25_000)
    """How long it is waited for. Unset, and at most: an equal share of the time for all."""

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.name not in PRESETS and (self.base_url is None or self.model is None):
            known = ", ".join(PRESETS)
            needs = f"needs base_url and model (only {known} have their own)"
            raise broken_rules([("name", needs)])
        return self


class PromptConfig(Config):
    """Prompts that are enhanced, extended and rewritten (docs/prompts.md)."""

    enabled: bool | None = None
    """Whether clients may have that. Unset: where there are `providers`, and with `builtin:tiny`,
    which has a writer of its own."""
    providers: Annotated[tuple[ProviderConfig, ...], Field(max_length=8)] = ()
    """Asked in this order: one that does not answer in time, is overloaded or answers nonsense
    leaves it to the next; one that refuses a question ends it."""
    timeout_ms: int = Field(default=20_000, ge=1, le=25_000)
    """How long a prompt may be written at most, by all providers together: then the client's own
    one is used, and the client is told."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    """How freely the providers write."""
    max_tokens: int = Field(default=256, ge=16, le=4096)
    """Longest answer of a provider."""
    at_once: int = Field(default=8, ge=1, le=1024)
    """Questions to providers at the same time; further ones wait, within `timeout_ms`."""
    system_prompt_dir: str | None = None
    """Folder with `enhance.txt`, `auto_extend.txt` and `rewrite.txt`, or some of them, in place of
    our own. A changed file holds from the next prompt on."""

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> Self:
        names = [one.name for one in self.providers]
        if len({*names}) < len(names):
            raise broken_rules([("providers", "two have the same name; give each its own")])
        return self
