"""What of a request goes without effect, in words for who asked. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from matinee.generation.model_info import ModelInfo
from matinee.generation.request import SegmentRequest

NO_GUIDANCE = 1.0
"""Up to this `guidance_scale` a model computes without a negative prompt."""


def prompts_of(request: SegmentRequest) -> tuple[str, ...]:
    """The texts that a model reads for the request, its prompt first."""
    negative = (request.negative_prompt,) if request.guidance_scale > NO_GUIDANCE else ()
    return (request.prompt, *negative)


def may_be_cut(info: ModelInfo, prompts: tuple[str, ...]) -> bool:
    """Whether one may have more than the model reads. A token is a byte at least."""
    if info.prompt_tokens is None:
        return False
    return any(len(prompt.encode()) > info.prompt_tokens - 2 for prompt in prompts)


def notes_on(
    info: ModelInfo, request: SegmentRequest, read: tuple[int, ...] | None
) -> tuple[str, ...]:
    """Sentences. `read`: of each of `prompts_of` the characters that the model reads; None where
    that is all, or nobody knows."""
    return tuple(_notes(info, request, read or ()))


def _notes(info: ModelInfo, request: SegmentRequest, read: tuple[int, ...]) -> Iterator[str]:
    names = ("prompt", "negative_prompt")
    for name, prompt, characters in zip(names, prompts_of(request), read, strict=False):
        if characters < len(prompt):
            yield f"the model reads the first {characters} of {len(prompt)} characters of {name}"
    own = request.negative_prompt not in ("", info.defaults.negative_prompt)
    if own and request.guidance_scale <= NO_GUIDANCE:
        scale = f"{request.guidance_scale:g}"
        yield f"negative_prompt has no effect at guidance_scale {scale}; it takes more than 1"
