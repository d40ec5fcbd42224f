from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.prompt.answers import one_prompt, several_prompts

THREE = ("a red ball", "a blue cube", "a green cone")
FORMS = {
    "numbers": "1. a red ball\n2. a blue cube\n3. a green cone",
    "brackets": "1) a red ball\n(2) a blue cube\n3] a green cone",
    "bullets": "- a red ball\n* a blue cube\n• a green cone",
    "bold numbers": "**1.** a red ball\n**2.** a blue cube\n**3.** a green cone",
    "words": "Option 1: a red ball\nAlternative 2: a blue cube\nVersion 3 - a green cone",
    "letters": "a) a red ball\nb) a blue cube\nC. a green cone",
    "plain lines": "a red ball\n\na blue cube\na green cone\n",
    "quotes": '"a red ball"\n“a blue cube”\n«a green cone»',
    "numbers and quotes": "1. \"a red ball\"\n2. 'a blue cube'\n3. `a green cone`",
    "polite": "Sure! Here are three:\n\n1. a red ball\n2. a blue cube\n3. a green cone",
    "polite lines": "Here are your prompts:\na red ball\na blue cube\na green cone",
    "with an end": "1. a red ball\n2. a blue cube\n3. a green cone\n\nWould you like more of them?",
    "a list": json.dumps(THREE),
    "a fenced list": f"```json\n{json.dumps(THREE)}\n```",
    "a list in words": f"Here you are: {json.dumps(THREE)} Enjoy!",
    "an object": json.dumps({"alternatives": THREE}),
    "objects": json.dumps([{"prompt": one, "mood": "calm"} for one in THREE]),
    "an object of objects": json.dumps({"data": {"prompts": [{"text": one} for one in THREE]}}),
    "named texts": json.dumps(dict(zip("abc", THREE, strict=True))),
    "thoughts": "<think>1. but what?</think>\n1. a red ball\n2. a blue cube\n3. a green cone",
    "twice": "1. a red ball\n2. a red ball\n3. a blue cube\n4. a green cone",
    "too many": "1. a red ball\n2. a blue cube\n3. a green cone\n4. a black hole",
}


@pytest.mark.parametrize("form", FORMS)
def test_alternatives_are_found_in_whatever_form_they_come(form: str) -> None:
    assert several_prompts(FORMS[form], 3, 100) == THREE


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("a red ball", "a red ball"),
        ("A red ball\nrolls down\na hill.", "A red ball rolls down a hill."),
        ('"a red ball"', "a red ball"),
        ("Enhanced prompt:\na red ball", "a red ball"),
        ("Prompt: a red ball", "a red ball"),
        ('{"prompt": "a red ball", "reason": "it is short"}', "a red ball"),
        ('{"enhanced_prompt": "a red ball"}', "a red ball"),
        ("```\na red ball\n```", "a red ball"),
        ("<think>hm", None),
        ("", None),
        ("\n\n", None),
        ("{}", "{}"),
        ("a\u0007 red\u202e ball\u200b", "a red ball"),
        ("Certainly! Here is the prompt:\n\na red ball", "a red ball"),
    ],
)
def test_one_prompt_is_what_is_left_of_the_answer(answer: str, expected: str | None) -> None:
    assert one_prompt(answer, 100) == expected


def test_what_is_too_long_is_cut_at_a_word() -> None:
    assert one_prompt("a red ball", 6) == "a red"
    assert one_prompt("a red ball", 5) == "a red"
    assert one_prompt("x" * 100_000, 10) == "x" * 10


@pytest.mark.parametrize(
    "answer",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        "1. " * 30_000,
        "<think>" * 9000,
        "\n" * 60_000,
        "\t" * 60_000,
    ],
)
def test_nonsense_of_any_length_is_bounded(answer: str) -> None:
    assert all(len(one) <= 50 for one in several_prompts(answer, 3, 50))


@settings(max_examples=200)
@given(st.text(max_size=300), st.integers(1, 10), st.integers(1, 40))
def test_whatever_is_answered_prompts_are_few_short_and_of_one_line(
    answer: str, count: int, most: int
) -> None:
    found = several_prompts(answer, count, most)
    assert len(found) == len({*found}) <= count
    for prompt in found:
        assert 0 < len(prompt) <= most
        assert prompt.isprintable()
        assert prompt == prompt.strip()
