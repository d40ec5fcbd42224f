"""From a configuration and the environment to providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from matinee_api.config.prompt_config import PRESETS, PromptConfig, ProviderConfig

MARGIN = 0.95
"""Of its share of the time what a provider gets, so that its own timeout comes first."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """`timeout_s`: of one question, to the end of its answer. `api_key`: "" where there is none."""

    name: str
    base_url: str
    model: str
    timeout_s: float
    temperature: float
    max_tokens: int
    api_key: str = field(default="", repr=False)


class ProviderUnusable(Exception):
    """A provider's key is missing, or its address is none. The text names it."""


def provider_settings(
    config: PromptConfig, environment: Mapping[str, str]
) -> tuple[ProviderSettings, ...]:
    """In the order in which they are asked; each gets its share of the time. Raises
    `ProviderUnusable`."""
    share_s = MARGIN * config.timeout_ms / 1000 / max(1, len(config.providers))
    return tuple(_settings(one, config, share_s, environment) for one in config.providers)


def _settings(
    provider: ProviderConfig,
    config: PromptConfig,
    share_s: float,
    environment: Mapping[str, str],
) -> ProviderSettings:
    preset = PRESETS.get(provider.name)
    variable = provider.api_key_env or (preset.api_key_env if preset else None)
    key = environment.get(variable, "") if variable else ""
    if variable and not key:
        raise ProviderUnusable(
            f"the provider {provider.name} wants a key in {variable}, which is not set"
        )
    own_s = None if provider.timeout_ms is None else provider.timeout_ms / 1000
    return ProviderSettings(
        name=provider.name,
        base_url=provider.base_url or (preset.base_url if preset else ""),
        model=provider.model or (preset.model if preset else ""),
        timeout_s=min(share_s, own_s or share_s),
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        api_key=key,
    )
