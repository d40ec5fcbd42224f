"""Who writes prompts on this server, by its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from matinee.errors import BadInput
from matinee.prompt import (
    Meter,
    PlainPrompt,
    Preparer,
    ProviderUnusable,
    TinyWriter,
    Writer,
    WritingPreparer,
    open_model_writer,
)
from matinee_api.config.runtime_config import ServeConfig, StreamingConfig

TINY = "builtin:tiny"


def with_writer_known(config: ServeConfig) -> ServeConfig:
    """`streaming.prompt.enabled` says whether there is a writer. Raises `BadInput` where it wants
    one that nobody is."""
    wanted, written = config.streaming.prompt, config.streaming.prompt.providers
    there = bool(written) or config.generator.model_path == TINY
    if wanted.enabled and not there:
        problem = f"is set, but there are no providers, and only {TINY} has a writer of its own"
        raise BadInput("streaming.prompt.enabled", problem)
    prompt = wanted.model_copy(update={"enabled": there and wanted.enabled is not False})
    streaming = config.streaming.model_copy(update={"prompt": prompt})
    return config.model_copy(update={"streaming": streaming})


class PromptParts(TypedDict):
    """See `Studio`."""

    preparer: Preparer
    writer: Writer | None


def prompt_parts(
    streaming: StreamingConfig, environment: Mapping[str, str], meter: Meter
) -> PromptParts:
    """Raises `BadInput`."""
    prompt, most = streaming.prompt, streaming.limits.prompt_characters
    if not prompt.enabled:
        return {"preparer": PlainPrompt(), "writer": None}
    try:
        writer: Writer = (
            open_model_writer(prompt, environment, meter, most)
            if prompt.providers
            else TinyWriter()
        )
    except ProviderUnusable as error:
        raise BadInput("streaming.prompt.providers", str(error), joint=": ") from error
    return {"preparer": WritingPreparer(writer, prompt.timeout_ms / 1000, most), "writer": writer}
