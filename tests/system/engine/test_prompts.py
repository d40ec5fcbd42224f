from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from matinee.engine.prompts import characters_read
from matinee.weights.local_folder import local_folder_of

SHORT = "a red ball moving left on a blue background"
LONG = f"{SHORT}, " + "and a white box moving right 🟥 " * 20


@pytest.fixture(scope="module")
def tokenizer() -> AutoTokenizer:
    return AutoTokenizer.from_pretrained(f"{local_folder_of('builtin:tiny')}/tokenizer")


@pytest.mark.parametrize("prompt", ["", " ", SHORT, f"{SHORT}  "])
def test_what_fits_is_read_whole(tokenizer: AutoTokenizer, prompt: str) -> None:
    assert characters_read(tokenizer, prompt, 24) == len(prompt)


def test_what_is_read_of_a_long_prompt_makes_the_same_tokens(tokenizer: AutoTokenizer) -> None:
    read = characters_read(tokenizer, LONG, 24)
    assert len(SHORT) < read < len(LONG)
    cut = tokenizer(LONG, truncation=True, max_length=24)["input_ids"]
    assert tokenizer(LONG[:read])["input_ids"] == cut


def test_a_tokenizer_without_places_tells_about_as_much(tokenizer: AutoTokenizer) -> None:
    class Slow:
        is_fast = False
        decode = staticmethod(tokenizer.decode)
        __call__ = staticmethod(tokenizer.__call__)

    exact = characters_read(tokenizer, LONG, 24)
    assert abs(characters_read(Slow(), LONG, 24) - exact) < len(LONG) // 4
