"""A configuration -> the writer that asks its providers. Imports an HTTP client only then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matinee.prompt.model_writer import ModelWriter
from matinee.prompt.providers.chain import Chain, Meter
from matinee.prompt.providers.settings import provider_settings
from matinee.prompt.system_prompts import SystemPrompts
from matinee_api.config.prompt_config import PromptConfig


def open_model_writer(
    config: PromptConfig, environment: Mapping[str, str], meter: Meter, most_characters: int
) -> ModelWriter:
    """It is to be closed. Raises `ProviderUnusable` and `ModuleNotFoundError`."""
    from matinee.prompt.providers.chat import Chat

    settings = provider_settings(config, environment)
    chain = Chain([Chat(one) for one in settings], meter, config.at_once)
    folder = config.system_prompt_dir
    texts = SystemPrompts(None if folder is None else Path(folder))
    return ModelWriter(chain, texts, most_characters)
