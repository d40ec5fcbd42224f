from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.selection import LORA_WEIGHTS, adapter_file, model_files

COMPONENTS = {"scheduler", "text_encoder", "tokenizer", "transformer", "vae"}
NEEDED = [
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model-00001-of-00002.safetensors",
    "text_encoder/model-00002-of-00002.safetensors",
    "text_encoder/model.safetensors.index.json",
    "tokenizer/added_tokens.json",
    "tokenizer/special_tokens_map.json",
    "tokenizer/spiece.model",
    "tokenizer/tokenizer_config.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
]
"""Of Lightricks/LTX-Video."""
UNNEEDED = [
    ".gitattributes",
    "LICENSE.md",
    "README.md",
    "ltx-video-2b-v0.9.safetensors",
    "media/trailer.mp4",
    "media/cat.gif",
    "text_encoder/pytorch_model.bin",
    "text_encoder/pytorch_model.bin.index.json",
    "text_encoder/model.fp16-00001-of-00002.safetensors",
    "text_encoder/model.safetensors.index.fp16.json",
    "text_encoder/flax_model.msgpack",
    "transformer/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/older/diffusion_pytorch_model.safetensors",
    "vae/preview.png",
]


def test_only_what_diffusers_reads_is_fetched() -> None:
    assert model_files(sorted(NEEDED + UNNEEDED), COMPONENTS) == sorted(NEEDED)


@settings(max_examples=30)
@given(st.permutations(NEEDED + UNNEEDED))
def test_the_order_of_a_listing_does_not_matter(paths: list[str]) -> None:
    assert sorted(model_files(paths, COMPONENTS)) == sorted(NEEDED)


@pytest.mark.parametrize(
    ("without", "says"),
    [
        (["scheduler/scheduler_config.json"], "lists scheduler"),
        (["vae/diffusion_pytorch_model.safetensors"], "vae has no weights"),
        ([path for path in NEEDED if path.startswith("tokenizer/")], "lists tokenizer"),
    ],
)
def test_a_component_that_is_not_there_is_named(without: list[str], says: str) -> None:
    paths = [path for path in NEEDED + UNNEEDED if path not in without]
    with pytest.raises(FetchFailed, match=says) as caught:
        model_files(paths, COMPONENTS)
    assert caught.value.reason == "SourceNotFound"


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        ([LORA_WEIGHTS], LORA_WEIGHTS),
        (["README.md", "style.safetensors"], "style.safetensors"),
        (["a.safetensors", LORA_WEIGHTS, f"step-500/{LORA_WEIGHTS}"], LORA_WEIGHTS),
        (["lora/style.safetensors", "style.bin"], "lora/style.safetensors"),
    ],
)
def test_the_one_file_of_an_adapter_is_found(paths: list[str], chosen: str) -> None:
    assert adapter_file(paths, "hub") == chosen


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        ([], "no .safetensors"),
        (["style.bin"], "no .safetensors"),
        (["a.safetensors", "b.safetensors"], "a.safetensors, b.safetensors"),
    ],
)
def test_an_adapter_that_cannot_be_told_is_refused(paths: list[str], says: str) -> None:
    with pytest.raises(FetchFailed, match=says) as caught:
        adapter_file(paths, "hub")
    assert caught.value.reason == "AdapterInvalid"
