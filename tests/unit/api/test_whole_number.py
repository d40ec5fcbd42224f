from __future__ import annotations

import pytest

from matinee_api.whole_number import whole_number


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1e3", "1_0", "٣", "²", "9" * 10])
def test_what_no_program_of_ours_wrote_is_no_number(text: str) -> None:
    assert whole_number(text) is None


def test_digits_are_a_number() -> None:
    assert [whole_number(text) for text in ("0", "007", "9" * 9)] == [0, 7, 999_999_999]
