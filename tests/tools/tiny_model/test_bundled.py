"""The committed weights: whole, small, and alive."""

from dataclasses import replace

import pytest

from tools.tiny_model import sampling
from tools.tiny_model.evaluate import BUNDLED
from tools.tiny_model.export import read_defaults
from tools.tiny_model.recognise import recognise
from tools.tiny_model.sampling import Request

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


def test_the_defaults_are_an_eight_frame_continuation() -> None:
    """The windows that the model was trained for."""
    defaults = read_defaults(BUNDLED)
    assert (
        defaults.width,
        defaults.height,
        defaults.chunk_frames,
        defaults.overlap_frames,
    ) == (64, 64, 17, 9)


@pytest.mark.filterwarnings("ignore")
def test_a_prompt_is_obeyed_and_any_text_gives_a_video() -> None:
    """One clip of each."""
    defaults = replace(read_defaults(BUNDLED), num_inference_steps=8)
    generate = sampling.diffusers_generate(sampling.load(BUNDLED), defaults)
    seen = recognise(generate(Request("a red ball moving left on a blue background", 1)))
    assert (seen.colour, seen.direction, seen.background) == ("red", "left", "blue")
    other = generate(Request("zebras dance under 3 moons", 1))
    assert other.shape == (17, 64, 64, 3)
