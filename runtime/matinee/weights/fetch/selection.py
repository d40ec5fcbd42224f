"""Which files of a repository are fetched: only what Diffusers reads.

Of a model: `model_index.json`, `matinee.json`, and in each component's folder its configuration,
its tokenizer and its weights in safetensors. Left behind are pictures and pages, single-file
checkpoints in the root, pickled weights (`.bin`, `.pt`, `.ckpt`: they can run code, and are never
loaded), weights for other frameworks, and variants (`model.fp16.safetensors`), which lie beside
the plain weights.

Of an adapter: one file of weights.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.model_index import MODEL_INDEX

LORA_WEIGHTS = "pytorch_lora_weights.safetensors"
"""What diffusers' `save_lora_weights()` writes."""
_ROOT_FILES = {MODEL_INDEX, "matinee.json"}
_CONFIGURATION = (".json", ".txt", ".model", ".jinja")
_PLAIN_WEIGHTS = re.compile(r"[^.]+\.safetensors")
_VARIANT_INDEX = re.compile(r".+\.safetensors\.index\..+\.json|.+\.(bin|msgpack|h5)\.index\.json")


def model_files(paths: Iterable[str], components: Collection[str]) -> list[str]:
    """The paths that a model with these components needs.

    Raises:
        FetchFailed: `SourceNotFound`: a component, or its weights in safetensors, are not there.
    """
    wanted = [path for path in paths if _is_needed(path, components)]
    for component in sorted(components):
        _check_component(component, {path for path in wanted if path.startswith(f"{component}/")})
    return wanted


def adapter_file(paths: Iterable[str], where: str) -> str:
    """The one file of LoRA weights.

    Raises:
        FetchFailed: `AdapterInvalid`: there is none, or it cannot be told which.
    """
    weights = sorted(path for path in paths if path.endswith(".safetensors"))
    if LORA_WEIGHTS in weights:
        return LORA_WEIGHTS
    if len(weights) == 1:
        return weights[0]
    if not weights:
        message = f"{where} has no .safetensors file; an adapter is LoRA weights in safetensors"
    else:
        message = (
            f"{where} has {len(weights)} .safetensors files ({', '.join(weights)[:90]}); "
            f"leave one there, or name it {LORA_WEIGHTS}"
        )
    raise FetchFailed("AdapterInvalid", message)


def _is_needed(path: str, components: Collection[str]) -> bool:
    folder, _, name = path.rpartition("/")
    if not folder:
        return name in _ROOT_FILES
    if folder not in components:
        return False
    if name.endswith(".safetensors"):
        return _PLAIN_WEIGHTS.fullmatch(name) is not None
    return name.endswith(_CONFIGURATION) and _VARIANT_INDEX.fullmatch(name) is None


def _check_component(component: str, wanted: Collection[str]) -> None:
    if not wanted:
        raise _missing(f"{MODEL_INDEX} lists {component}, but there is no file {component}/…")
    # Only a component with weights has this name; schedulers and tokenizers have others.
    if f"{component}/config.json" in wanted and not any(
        path.endswith(".safetensors") for path in wanted
    ):
        raise _missing(
            f"{component} has no weights in plain .safetensors (pickled weights and variants such "
            "as fp16 are not loaded); save it again with save_pretrained()"
        )


def _missing(message: str) -> FetchFailed:
    return FetchFailed("SourceNotFound", message)
