from __future__ import annotations

import pytest

from matinee.prompt.sources import PickedPrompt, PromptSources


def picked(sources: PromptSources, times: int) -> list[str]:
    texts = []
    for _ in range(times):
        sources, prompt = sources.next_prompt()
        assert prompt is not None
        texts.append(prompt.text)
    return texts


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (PromptSources(), None),
        (PromptSources(curated=("a",)), None),
        (PromptSources(loop=True), None),
        (PromptSources(auto_extend=True), None),
        (PromptSources(last_prompt="mine"), None),
        (PromptSources(curated=("a",), loop=True), PickedPrompt("a", "curated")),
        (
            PromptSources(auto_extend=True, last_prompt="mine"),
            PickedPrompt("mine", "auto_extension"),
        ),
        (
            PromptSources(curated=("a",), loop=True, auto_extend=True, last_prompt="mine"),
            PickedPrompt("a", "curated"),
        ),
        (
            PromptSources(loop=True, auto_extend=True, last_prompt="mine"),
            PickedPrompt("mine", "auto_extension"),
        ),
    ],
)
def test_which_prompt_comes_when_the_client_sends_none(
    sources: PromptSources, expected: PickedPrompt | None
) -> None:
    assert sources.next_prompt()[1] == expected


def test_the_loop_goes_round() -> None:
    assert picked(PromptSources(curated=("a", "b"), loop=True), 5) == ["a", "b", "a", "b", "a"]


def test_the_last_prompt_that_began_is_extended() -> None:
    sources = PromptSources(auto_extend=True).after("one").after("two")
    assert picked(sources, 2) == ["two", "two"]


def test_the_next_prompt_is_written_from_the_last_few() -> None:
    sources = PromptSources()
    assert sources.past == ()
    for prompt in "abcdef":
        sources = sources.after(prompt)
    assert sources.past == ("c", "d", "e", "f")
