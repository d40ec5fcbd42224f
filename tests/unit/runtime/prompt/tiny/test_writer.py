from __future__ import annotations

import itertools

import pytest

from matinee.prompt.tiny.writer import NOT_KNOWN, TOO_ALIKE, TinyWriter
from matinee.prompt.writing import Written

WRITER = TinyWriter()


@pytest.mark.parametrize(
    ("prompt", "text", "notes"),
    [
        (
            "a crimson sphere drifting west over navy",
            "a red ball moving left on a blue background",
            ('enhanced: "crimson" as red, "sphere" as ball, "west" as left, "navy" as blue',),
        ),
        (
            "a crimson dog",
            "a red dog",
            ('enhanced: "crimson" as red', 'the bundled model does not know "dog"'),
        ),
        (
            "an unbelievable red ball",
            "a red ball",
            ("enhanced: in words that the bundled model knows",),
        ),
        ("A red ball moves left.", "A red ball moves left.", ()),
        ("a ship in a bottle", "a ship in a bottle", (NOT_KNOWN,)),
    ],
)
async def test_it_says_what_it_changed_and_leaves_alone_what_it_cannot_map(
    prompt: str, text: str, notes: tuple[str, ...]
) -> None:
    assert await WRITER.enhance(prompt) == Written(text, notes)


async def test_a_video_that_goes_on_turns_and_after_a_full_turn_has_another_colour() -> None:
    past, said = "a crimson sphere drifting west over navy", []
    for _ in range(5):
        past = (await WRITER.extend(("anything", past))).text
        said.append(past.removesuffix(" on a blue background"))
    assert said == [
        "a red ball moving up",
        "a red ball moving right",
        "a red ball moving down",
        "a yellow ball moving left",
        "a yellow ball moving up",
    ]


async def test_what_it_cannot_read_goes_on_as_it_is() -> None:
    assert await WRITER.extend(("a ship in a bottle",)) == Written("a ship in a bottle")


async def test_the_first_rewrite_is_what_was_understood() -> None:
    assert await WRITER.rewrite("a crimson sphere over navy", 3) == (
        "a red ball moving left on a blue background",
        "a red ball moving up on a blue background",
        "a yellow ball moving up on a blue background",
    )


@pytest.mark.parametrize(
    "prompt", ["a red ball moving left on a blue background", "white", "?", "a blue thing on blue"]
)
async def test_rewrites_are_others_and_their_things_can_be_seen(prompt: str) -> None:
    texts = await WRITER.rewrite(prompt, 10)
    assert len({*texts, prompt}) == 11
    for colour, background in ((text.split()[1], text.split()[-2]) for text in texts):
        assert colour == background == "blue" or {colour, background} not in TOO_ALIKE
    for one, other in itertools.pairwise(texts):
        assert len({*one.split()} ^ {*other.split()}) <= 4
