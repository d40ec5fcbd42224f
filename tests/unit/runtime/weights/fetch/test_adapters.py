from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from matinee.weights.fetch.adapters import check_adapter
from matinee.weights.fetch.errors import FetchFailed

ONE = np.zeros((2, 2), np.float32)


@pytest.mark.parametrize(
    "name",
    [
        "transformer.transformer_blocks.0.attn1.to_q.lora_A.weight",
        "unet.down.0.processor.to_q_lora.up.weight",
        "lora_unet_blocks_0_to_q.lora_down.weight",
    ],
)
def test_the_usual_names_are_known(name: str, tmp_path: Path) -> None:
    save_file({name: ONE}, tmp_path / "x.safetensors")
    check_adapter(tmp_path / "x.safetensors", "the hub")


def test_a_whole_model_is_no_adapter(tmp_path: Path) -> None:
    save_file({"transformer.proj_in.weight": ONE}, tmp_path / "x.safetensors")
    with pytest.raises(FetchFailed, match=r"transformer\.proj_in\.weight") as caught:
        check_adapter(tmp_path / "x.safetensors", "the hub")
    assert caught.value.reason == "AdapterInvalid"


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\xff" * 100])
def test_what_is_no_safetensors_file_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(FetchFailed, match="is not a safetensors file"):
        check_adapter(tmp_path / "x.safetensors", "the hub")
