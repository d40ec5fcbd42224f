from __future__ import annotations

import dataclasses

import pytest

from matinee.generation import may_be_cut, notes_on, prompts_of, with_defaults
from tests.unit.runtime.models import INFO

READS_24 = dataclasses.replace(INFO, prompt_tokens=24)
CUT = "the model reads the first 7 of 10 characters of prompt"
CASES: dict[str, tuple[dict[str, object], tuple[int, ...] | None, tuple[str, ...]]] = {
    "all is read": ({"negative_prompt": "blur"}, (10, 4), ()),
    "nobody knows": ({}, None, ()),
    "the prompt is cut": ({}, (7, 0), (CUT,)),
    "the negative prompt is cut": (
        {"negative_prompt": "blurred"},
        (10, 3),
        ("the model reads the first 3 of 7 characters of negative_prompt",),
    ),
    "a negative prompt without guidance": (
        {"negative_prompt": "blur", "guidance_scale": 1.0},
        (7,),
        (CUT, "negative_prompt has no effect at guidance_scale 1; it takes more than 1"),
    ),
    "the model's own, without guidance": ({"guidance_scale": 0.0}, (10,), ()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_has_no_effect_is_told(case: str) -> None:
    given, read, notes = CASES[case]
    request = with_defaults(INFO.defaults, "a red ball", 7, **{"guidance_scale": 3.0, **given})
    assert notes_on(INFO, request, read) == notes


def test_a_negative_prompt_is_read_with_guidance_only() -> None:
    given = {"negative_prompt": "b", "guidance_scale": 1.5}
    request = with_defaults(INFO.defaults, "a", 7, **given)
    assert prompts_of(request) == ("a", "b")
    assert prompts_of(dataclasses.replace(request, guidance_scale=1.0)) == ("a",)


@pytest.mark.parametrize(
    ("prompt", "may"), [("a" * 22, False), ("a" * 23, True), ("é" * 11, False), ("é" * 12, True)]
)
def test_only_long_prompts_may_be_cut(prompt: str, may: bool) -> None:
    assert may_be_cut(READS_24, (prompt, "")) is may
    assert not may_be_cut(INFO, (prompt,))
