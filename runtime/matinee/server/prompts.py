"""Who writes prompts on this server, by its configuration."""

from __future__ import annotations

from typing import TypedDict

from matinee.errors import BadInput
from matinee.prompt import PlainPrompt, Preparer, TinyWriter, Writer, WritingPreparer
from matinee_api.config.runtime_config import ServeConfig, StreamingConfig

TINY = "builtin:tiny"


def with_writer_known(config: ServeConfig) -> ServeConfig:
    """`streaming.prompt.enabled` says whether there is a writer. Raises `BadInput` where it wants
    one that nobody is."""
    wanted, there = config.streaming.prompt.enabled, config.generator.model_path == TINY
    if wanted and not there:
        problem = f"is set, but only {TINY} has a writer of prompts; leave it out"
        raise BadInput("streaming.prompt.enabled", problem)
    enabled = {"enabled": there and wanted is not False}
    prompt = config.streaming.prompt.model_copy(update=enabled)
    streaming = config.streaming.model_copy(update={"prompt": prompt})
    return config.model_copy(update={"streaming": streaming})


class PromptParts(TypedDict):
    """See `Studio`."""

    preparer: Preparer
    writer: Writer | None


def prompt_parts(streaming: StreamingConfig) -> PromptParts:
    if not streaming.prompt.enabled:
        return {"preparer": PlainPrompt(), "writer": None}
    writer, timeout_s = TinyWriter(), streaming.prompt.timeout_ms / 1000
    preparer = WritingPreparer(writer, timeout_s, streaming.limits.prompt_characters)
    return {"preparer": preparer, "writer": writer}
