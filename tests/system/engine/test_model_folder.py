from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from matinee.errors import ModelUnavailable
from matinee.weights.model_folder import inspect_folder


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def test_a_whole_folder_tells_its_components_and_settings(model_folder: Path) -> None:
    found = inspect_folder(model_folder)
    assert found.pipeline_class == "LTXConditionPipeline"
    assert found.components == {
        "scheduler": "FlowMatchEulerDiscreteScheduler",
        "text_encoder": "T5EncoderModel",
        "tokenizer": "T5Tokenizer",
        "transformer": "LTXVideoTransformer3DModel",
        "vae": "AutoencoderKLLTXVideo",
    }
    assert found.settings.timestep_shift == 3.0


def test_settings_may_be_left_out(folder: Path) -> None:
    (folder / "matinee.json").unlink()
    assert inspect_folder(folder).settings.model_dump(exclude_none=True) == {}


def remove_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def break_index(folder: Path) -> None:
    (folder / "model_index.json").write_text("{")


def make_index_a_list(folder: Path) -> None:
    (folder / "model_index.json").write_text("[]")


def remove_component(folder: Path) -> None:
    shutil.rmtree(folder / "vae")


def remove_weights(folder: Path) -> None:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()


def cut_off_weights(folder: Path) -> None:
    file = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def name_a_missing_shard(folder: Path) -> None:
    index = {"weight_map": {"a": "part-1.safetensors"}}
    (folder / "vae" / "x.safetensors.index.json").write_text(json.dumps(index))


def name_a_shard_of_others(folder: Path) -> None:
    index = {"weight_map": {"a": "../../etc/passwd", "b": ["x"], "c": 7}}
    (folder / "vae" / "x.safetensors.index.json").write_text(json.dumps(index))


def nest_index_without_end(folder: Path) -> None:
    (folder / "model_index.json").write_text("[" * 100_000)


def make_index_endless(folder: Path) -> None:
    (folder / "model_index.json").unlink()
    (folder / "model_index.json").symlink_to("/dev/zero")


def make_header_absurd(folder: Path) -> None:
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(b"\xff" * 8 + file.read_bytes()[8:])


def add_unknown_setting(folder: Path) -> None:
    (folder / "matinee.json").write_text('{"colour": "red"}')


def mistype_setting(folder: Path) -> None:
    (folder / "matinee.json").write_text('{"fps": "8"}')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove_index, "model_index.json is missing; a model is a folder in Diffusers format"),
        (break_index, "model_index.json cannot be read; copy the model again"),
        (make_index_a_list, "model_index.json does not hold a JSON object"),
        (remove_component, "vae is missing, though model_index.json lists it"),
        (remove_weights, "vae holds no .safetensors file; copy the weights there"),
        (cut_off_weights, "diffusion_pytorch_model.safetensors is cut off or damaged"),
        (name_a_missing_shard, "part-1.safetensors is missing; copy the model again"),
        (name_a_shard_of_others, "index.json names files that are none of its own"),
        (nest_index_without_end, "model_index.json cannot be read"),
        (make_index_endless, "model_index.json cannot be read; .* larger than"),
        (make_header_absurd, "diffusion_pytorch_model.safetensors is cut off or damaged"),
        (add_unknown_setting, "matinee.json: colour: Extra inputs"),
        (mistype_setting, "matinee.json: fps: .*integer"),
    ],
)
def test_a_damaged_folder_is_refused_with_the_file_and_the_remedy(
    folder: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder)
    with pytest.raises(ModelUnavailable, match=message):
        inspect_folder(folder)
