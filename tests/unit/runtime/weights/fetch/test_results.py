from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.weights.fetch.results import RESULT_BYTES, exit_code, failed, result_line, shortened
from matinee_api.contracts.fetch import (
    DONE,
    GIVE_UP,
    TRY_AGAIN,
    FetchReason,
    FetchResult,
    TreeResult,
)

WELL, FOR_NOW, FOR_GOOD = None, "SourceUnreachable", "SourceDenied"


@pytest.mark.parametrize(
    ("model", "adapter", "code"),
    [
        (WELL, WELL, DONE),
        (WELL, FOR_GOOD, DONE),
        (WELL, FOR_NOW, TRY_AGAIN),
        (FOR_NOW, WELL, TRY_AGAIN),
        (FOR_NOW, FOR_GOOD, TRY_AGAIN),
        (FOR_GOOD, WELL, GIVE_UP),
        (FOR_GOOD, FOR_NOW, GIVE_UP),
        ("ChecksumMismatch", WELL, TRY_AGAIN),
        ("NoSpace", WELL, GIVE_UP),
    ],
)
def test_the_exit_code_says_whether_to_try_again(
    model: FetchReason | None, adapter: FetchReason | None, code: int
) -> None:
    trees = (TreeResult(name="model", reason=model), TreeResult(name="style", reason=adapter))
    assert exit_code(FetchResult(trees=trees)) == code


@settings(max_examples=30)
@given(st.lists(st.text(max_size=400), min_size=1, max_size=17))
def test_the_last_line_is_one_line_of_bounded_size(messages: list[str]) -> None:
    trees = tuple(failed("a" * 63, "FamilyUnsupported", message) for message in messages)
    line = result_line(FetchResult(trees=trees))
    assert len(line.encode()) <= RESULT_BYTES
    assert len(line.splitlines()) == 1
    again = FetchResult.model_validate_json(line)
    assert [tree.name for tree in again.trees] == [tree.name for tree in trees]


def test_messages_are_whole_where_there_is_room() -> None:
    result = FetchResult(trees=(failed("model", "NoSpace", "too\n full"),))
    assert FetchResult.model_validate_json(result_line(result)).trees[0].message == "too full"


@pytest.mark.parametrize(
    ("message", "characters", "short"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abc", 0, "")]
)
def test_what_is_cut_shows_it(message: str, characters: int, short: str) -> None:
    assert shortened(message, characters) == short


def test_what_a_source_says_is_told_as_plain_text() -> None:
    assert failed("model", "SourceDenied", "no:\x1b[2J\nno").message == "no:\\u001b[2J no"
