from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest

from matinee.errors import ModelUnavailable
from matinee.weights.local_folder import default_model_id, model_folder_of


def test_a_plain_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert model_folder_of(str(tmp_path), None) == tmp_path


def test_a_file_uri_is_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "my model"
    folder.mkdir()
    assert model_folder_of(folder.as_uri(), None) == folder


@pytest.mark.parametrize(
    ("model_path", "message"),
    [
        ("/no/such/folder", "there is no folder /no/such/folder; give a folder"),
        ("file:///no/such", "there is no folder /no/such; check the path and its mount"),
        ("builtin:nothing", "builtin:nothing is not part of this installation; present: "),
        ("builtin:../engine", "is not part of this installation"),
        ("s3://bucket/model", "cannot be loaded from s3: here; use builtin:, file: or hf:"),
        ("~nobody-of-this-name/m", "there is no folder ~nobody-of-this-name/m; give a folder"),
        ("a" * 300, "there is no folder aaa"),
        ("file:///" + "a" * 300, "there is no folder /aaa"),
        ("file://[", r"file://\[ is no address of a folder; write file:///folder"),
        ("file:", "file: is no address of a folder"),
        ("hf://", "hf:// is not a hub id; write hf:org/name"),
        ("hf:a/b/c", "hf:a/b/c is not a hub id; write hf:org/name"),
    ],
)
def test_a_model_that_cannot_be_found_is_refused_with_the_remedy(
    model_path: str, message: str
) -> None:
    with pytest.raises(ModelUnavailable, match=message):
        model_folder_of(model_path, None)


@pytest.mark.parametrize("model_path", ["hf:org/name", "org/name", "hf://org/name"])
def test_a_hub_model_without_a_network_is_refused_with_the_remedy(
    model_path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"org/name at v1: it is neither .* give its folder"):
        model_folder_of(model_path, "v1")


@pytest.mark.parametrize(
    ("model_path", "model_id"),
    [
        ("builtin:tiny", "tiny"),
        ("hf:org/name", "name"),
        ("org/name", "name"),
        ("/models/ltx/", "ltx"),
        ("file:///models/ltx", "ltx"),
    ],
)
def test_a_model_is_called_after_the_last_part_of_its_path(model_path: str, model_id: str) -> None:
    assert default_model_id(model_path) == model_id
