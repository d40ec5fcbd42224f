"""Looks into a folder in Diffusers format before anything is loaded from it.

Enters: a folder. Leaves: a `ModelFolder` whose files are there and readable, or
`ModelUnavailable` naming the file and the remedy. Loaders would fail on the same things, but with
messages about their own insides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open

from matinee.errors import ModelUnavailable
from matinee.state.last_frames import MAX_FRAMES
from matinee.weights.fetch.files import stays_inside
from matinee_api.bounded_file import read_at_most
from matinee_api.sampling import NegativePrompt, Sampling

MAX_JSON_BYTES = 64 * 2**20
"""Of a list of tensors; the largest models' have some megabytes."""
MAX_SHARDS = 10_000


class ModelSettings(NegativePrompt, Sampling):
    """`matinee.json`: how the model wants to be run. What it leaves out, the family knows."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )

    family: str | None = None
    """Engine family; unset: told from `model_index.json`."""
    timestep_shift: float | None = Field(default=None, gt=0)
    """Bends the noise levels, see `families/ltx.py`; unset: the pipeline's own levels."""
    max_sequence_length: int | None = Field(default=None, ge=1)
    """Tokens of a prompt; further ones are cut off."""
    chunk_frames: int | None = Field(default=None, ge=2)
    """Frames of one pipeline call."""
    overlap_frames: int | None = Field(default=None, ge=1, le=MAX_FRAMES)
    """Frames that a call takes over from the one before."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A checked folder. `components`: name of each one in `model_index.json` and its class."""

    path: Path
    pipeline_class: str
    components: dict[str, str]
    settings: ModelSettings


def inspect_folder(path: Path) -> ModelFolder:
    """Check everything that can be checked without loading."""
    index = _read_json(path / "model_index.json")
    components = {
        name: value[1]
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], str)
        if stays_inside(name) and "/" not in name
    }
    for name in components:
        _check_component(path / name)
    return ModelFolder(path, str(index.get("_class_name")), components, _read_settings(path))


def _read_json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(read_at_most(path, MAX_JSON_BYTES))
    except FileNotFoundError as error:
        raise ModelUnavailable(
            f"{path} is missing; a model is a folder in Diffusers format, "
            "as save_pretrained() writes it"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUnavailable(f"{path} cannot be read; copy the model again ({error})") from error
    if not isinstance(content, dict):
        raise ModelUnavailable(f"{path} does not hold a JSON object; copy the model again")
    return content


def _read_settings(path: Path) -> ModelSettings:
    file = path / "matinee.json"
    if not file.exists():
        return ModelSettings()
    try:
        return ModelSettings.model_validate(_read_json(file))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ModelUnavailable(f"{file}: {key}: {first['msg']}; correct the file") from error


def _check_component(folder: Path) -> None:
    if not folder.is_dir() or not any(folder.iterdir()):
        raise ModelUnavailable(
            f"{folder} is missing, though model_index.json lists it; copy the model again"
        )
    if (folder / "config.json").exists():  # schedulers and tokenizers have other names
        for file in weight_files(folder):
            _check_weights(file)


def weight_files(folder: Path) -> Iterator[Path]:
    """Of one component."""
    indices = sorted(folder.glob("*.safetensors.index.json"))
    for index in indices:
        weight_map = _read_json(index).get("weight_map")
        names = weight_map.values() if isinstance(weight_map, dict) else ()
        shards = {name for name in names if isinstance(name, str)}
        if len(shards) > MAX_SHARDS or not all(map(stays_inside, shards)):
            raise ModelUnavailable(f"{index} names files that are none of its own; copy it again")
        yield from (folder / name for name in sorted(shards))
    single = sorted(folder.glob("*.safetensors"))
    if not indices and not single:
        raise ModelUnavailable(
            f"{folder} holds no .safetensors file; copy the weights there "
            "(pickled .bin weights are not loaded, because they can run code)"
        )
    yield from (file for file in single if not indices)


def _check_weights(file: Path) -> None:
    """The header tells every tensor's place, so a cut-off file shows without reading it all."""
    try:
        with safe_open(file, framework="pt"):
            pass
    except FileNotFoundError as error:
        raise ModelUnavailable(f"{file} is missing; copy the model again") from error
    except (OSError, SafetensorError) as error:
        raise ModelUnavailable(
            f"{file} is cut off or damaged; copy the model again ({error})"
        ) from error
