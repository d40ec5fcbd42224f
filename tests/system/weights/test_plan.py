from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from matinee.weights.fetch.manifest import MANIFEST
from matinee_api.contracts.fetch import FetchedTree, TreeResult
from tests.unit.runtime.weights.fetch.fetching import fetched, names_in, resolved
from tests.unit.runtime.weights.fetch.running_hub import TINY, TINY_BYTES, VAE, RunningHub


def lora(folder: Path, name: str = "pytorch_lora_weights.safetensors", key: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key or "transformer.x.lora_A.weight": np.zeros((2, 2), np.float32)}, folder / name)


def test_a_model_of_another_family_is_refused_before_its_weights(
    hub: RunningHub, tmp_path: Path
) -> None:
    index = json.loads((TINY / "model_index.json").read_text())
    index["_class_name"] = "WanPipeline"
    (hub.tiny / "model_index.json").write_text(json.dumps(index))
    for results in (resolved(hub.tree(tmp_path / "tiny")), fetched(hub.tree(tmp_path / "tiny"))):
        assert results[0].reason == "FamilyUnsupported"
        assert "WanPipeline" in results[0].message
        assert "ltx" in results[0].message
    assert hub.log(VAE) == []


def test_a_repository_that_is_no_model_is_refused(hub: RunningHub, tmp_path: Path) -> None:
    (hub.tiny / "model_index.json").unlink()
    [result] = resolved(hub.tree(tmp_path / "tiny"))
    assert result.reason == "FamilyUnsupported"
    assert "has no model_index.json" in result.message


def adapter(hub: RunningHub, folder: Path) -> FetchedTree:
    return hub.tree(folder, name="style", kind="adapter", uri="hf://matinee/style")


def test_an_adapter_is_one_file(hub: RunningHub, tmp_path: Path) -> None:
    lora(hub.folder / "matinee" / "style")
    lora(hub.folder / "matinee" / "style" / "checkpoint-500")
    [result] = fetched(adapter(hub, tmp_path / "style"))
    assert result.reason is None
    assert names_in(tmp_path / "style") == {MANIFEST, "pytorch_lora_weights.safetensors"}


@pytest.mark.parametrize("content", ["no LoRA", "no safetensors"])
def test_a_bad_adapter_leaves_the_model_alone(
    content: str, hub: RunningHub, tmp_path: Path
) -> None:
    lora(hub.folder / "matinee" / "style", key="transformer.x.weight")
    if content == "no safetensors":
        name = "pytorch_lora_weights.safetensors"
        (hub.folder / "matinee" / "style" / name).write_bytes(b"GIF89a")
    trees = (adapter(hub, tmp_path / "style"), hub.tree(tmp_path / "tiny"))
    style, model = fetched(*trees)
    assert style.reason == "AdapterInvalid"
    assert content.removeprefix("no ") in style.message
    assert model.reason is None
    assert (tmp_path / "tiny").is_dir()
    assert not (tmp_path / "style").exists()


@pytest.mark.parametrize("scheme", ["pvc://claim/tiny", "file:///tiny"])
def test_a_mounted_model_is_only_looked_at(scheme: str, hub: RunningHub) -> None:
    tree = hub.tree(TINY, uri=scheme)
    assert fetched(tree) == resolved(tree) == [TreeResult(name="model", bytes=TINY_BYTES)]
    assert not (TINY / MANIFEST).exists()


def test_a_mounted_model_that_is_not_there_is_told(hub: RunningHub, tmp_path: Path) -> None:
    tree = hub.tree(tmp_path / "none", uri="pvc://claim/none")
    assert fetched(tree)[0].reason == "SourceNotFound"
    assert resolved(tree)[0].reason is None  # a Job that resolves has no volume
