from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.prompt.tiny.scene import Scene, read
from tools.tiny_model.free_words import sentences

SENTENCES = {
    "a crimson sphere drifting west over navy": "a red ball moving left on a blue background",
    "A navy world where a crimson sphere drifts west": (
        "a red ball moving left on a blue background"
    ),
    "on navy, a crimson sphere floats eastward": "a red ball moving right on a blue background",
    "sphere, crimson, west, navy": "a red ball moving left on a blue background",
    "an emerald pyramid rises through the night sky": (
        "a green triangle moving up on a black background"
    ),
    "a lemon cube falling against a field of violet": (
        "a yellow square moving down on a purple background"
    ),
    "the backdrop is ebony and a golden orb sinks slowly": (
        "a yellow ball moving down on a black background"
    ),
    "navy behind it, a tangerine block climbs": "an orange square moving up on a blue background",
    "a snow-white disc comes from the left across jet black": (
        "a white ball moving right on a black background"
    ),
    "a sphere painted scarlet glides from left to right in front of an ivory wall": (
        "a red ball moving right on a white background"
    ),
    "a round emerald box, right now, soars over snowy ground": (
        "a green box moving up on a white background"
    ),
    "a brick tumbles over the snow": "a red square moving down on a white background",
    "A BIG BALLOON, RUBY RED, FLOATS INTO THE SKY!": "a red ball moving up on a blue background",
    "a crimson sphere over a navy box": "a red ball on a blue background",
    "three golden cubes heading north": "a yellow square moving up",
    "the moon": "a white ball",
    "something orange": "an orange thing",
    "\uff43\uff52\uff49\uff4d\uff53\uff4f\uff4e sphere": "a red ball",
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_free_sentence_is_read_in_the_model_s_words(sentence: str) -> None:
    assert read(sentence).scene.sentence == SENTENCES[sentence]


def test_two_hundred_sentences_ask_for_their_four_attributes() -> None:
    wrong = [
        (one.text, said, one.canonical)
        for one in sentences(200)
        if (said := read(one.text).scene.sentence) != one.canonical
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "prompt", ["a dog riding a bicycle at noon", "", "?!", "\ud800", "猫が走る", "x" * 100_000]
)
def test_what_it_does_not_know_it_does_not_read(prompt: str) -> None:
    assert not read(prompt).scene.known


def test_a_noun_that_the_model_does_not_know_stays() -> None:
    scene = read("a crimson dog drifting west over navy").scene
    assert scene == Scene("red", None, "left", "blue", thing="dog")
    assert scene.sentence == "a red dog moving left on a blue background"


@pytest.mark.parametrize(
    ("prompt", "clear"),
    [
        ("a red ball moving left on a blue background", True),
        ("Please show me a big red box, sliding up over white.", True),
        ("a crimson ball", False),
        ("a red ball " * 9, False),
    ],
)
def test_what_the_model_reads_by_itself_is_clear(prompt: str, clear: bool) -> None:
    assert read(prompt).clear is clear


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_any_text_can_be_read(prompt: str) -> None:
    assert read(prompt).scene.sentence
