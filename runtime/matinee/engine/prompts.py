"""How much of a prompt a text encoder is given."""

from __future__ import annotations

from typing import Any


def characters_read(tokenizer: Any, prompt: str, max_tokens: int) -> int:
    """From the beginning; all of them when the prompt fits. `tokenizer`: of transformers."""
    if len(tokenizer(prompt)["input_ids"]) <= max_tokens:
        return len(prompt)
    cut = {"truncation": True, "max_length": max_tokens}
    if tokenizer.is_fast:
        places = tokenizer(prompt, return_offsets_mapping=True, **cut)["offset_mapping"]
        return int(max(end for _, end in places))
    ids = tokenizer(prompt, **cut)["input_ids"]
    return min(len(prompt), len(tokenizer.decode(ids, skip_special_tokens=True)))
