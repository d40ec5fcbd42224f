"""The committed weights: whole, small, and alive."""

import json

import pytest

from tests.places import ROOT
from tools.tiny_model import evaluate, segments
from tools.tiny_model.export import DEFAULTS_FILE, SETTINGS
from tools.tiny_model.recognise import recognise
from tools.tiny_model.segments import Request

BUNDLED = ROOT / "runtime/matinee/bundled/tiny"
MOST_BYTES = 12 * 1024 * 1024
FILES = (
    "README.md",
    "matinee.json",
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_there(name: str) -> None:
    """A plain Diffusers folder with a model card and our defaults."""
    assert (BUNDLED / name).is_file()


def test_the_folder_is_small() -> None:
    """It travels in the wheel."""
    assert sum(f.stat().st_size for f in BUNDLED.rglob("*") if f.is_file()) <= MOST_BYTES


def test_the_defaults_are_those_that_training_exports() -> None:
    """The windows that the model was trained for."""
    assert SETTINGS.model_dump(exclude_none=True) == json.loads(
        (BUNDLED / DEFAULTS_FILE).read_text()
    )


def test_a_prompt_is_obeyed_and_any_text_gives_a_video() -> None:
    """One clip of each."""
    generate = segments.engine_generate(segments.load("builtin:tiny", threads=1))
    made = generate(Request("a red ball moving left on a blue background", 1))
    seen = recognise(made.frames)
    assert (seen.colour, seen.direction, seen.background) == ("red", "left", "blue")
    other = generate(Request("zebras dance under 3 moons", 1, made.state))
    assert other.frames.shape == (16, 64, 64, 3)
    assert other.state.facts["segment_index"] == 2


def test_prompts_that_were_held_out_of_training_are_obeyed() -> None:
    """The first of those behind the model card's figures; another processor may round otherwise."""
    generate = segments.engine_generate(segments.load("builtin:tiny", threads=1))
    found = [evaluate.opening(generate, case)["all"] for case in evaluate.cases(8, seed=0)]
    assert sum(found) >= 7
