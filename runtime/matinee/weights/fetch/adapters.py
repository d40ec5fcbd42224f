"""Whether a file holds LoRA weights. Only its header is read: names and shapes of the tensors."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from matinee.weights.fetch.errors import FetchFailed

_LORA_MARKS = ("lora_A", "lora_B", "lora_up", "lora_down", "lora.up", "lora.down")
"""In the names of PEFT's, diffusers' and Kohya's tensors."""


def check_adapter(file: Path, where: str) -> None:
    """Raises `FetchFailed` with `AdapterInvalid`."""
    try:
        with safe_open(file, framework="np") as opened:
            names = list(opened.keys())
    except (OSError, SafetensorError) as error:
        raise FetchFailed(
            "AdapterInvalid",
            f"{file.name} of {where} is not a safetensors file ({error}); save the adapter again",
        ) from error
    if not any(mark in name for name in names for mark in _LORA_MARKS):
        examples = ", ".join(names[:2]) or "none"
        raise FetchFailed(
            "AdapterInvalid",
            f"{file.name} of {where} holds no LoRA weights (its tensors: {examples[:90]}); "
            "an adapter has tensors such as …lora_A.weight",
        )
