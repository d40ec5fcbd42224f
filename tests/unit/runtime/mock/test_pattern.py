from __future__ import annotations

import re

import numpy as np
import pytest

from matinee.mock.pattern import Pattern, number_of, timecode
from tests.places import ROOT


@pytest.mark.parametrize("size", [(32, 32), (66, 34), (320, 180), (90, 1000)])
def test_the_number_can_be_read_from_a_picture_of_any_size(size: tuple[int, int]) -> None:
    width, height = size
    pattern = Pattern(width, height, 24, "a red ball 🟥 " * 20, seed=3)
    for number in (0, 1, 1000, 2**32 - 1):
        picture = pattern.picture(number)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.uint8
        assert number_of(picture) == number


def test_the_page_tells_how_to_read_the_number() -> None:
    page = (ROOT / "docs" / "mock-server.md").read_text()
    [snippet] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    picture = Pattern(90, 66, 24, "a red ball", seed=3).picture(123_456)
    names: dict[str, object] = {"picture": picture, "height": 66, "width": 90}
    exec(snippet, names)  # noqa: S102 (ours)
    assert names["number"] == 123_456


@pytest.mark.parametrize(
    ("number", "fps", "shows"),
    [(0, 24, "00:00:00:00  0"), (49, 24, "00:00:02:01  49"), (90061 * 5, 5, "25:01:01:00  450305")],
)
def test_the_time_is_that_of_the_frame(number: int, fps: int, shows: str) -> None:
    assert timecode(number, fps) == shows


def test_the_prompt_the_seed_and_the_time_can_be_seen() -> None:
    first = Pattern(320, 180, 24, "a red ball", seed=3).picture(7)
    same = Pattern(320, 180, 24, "a red ball", seed=3).picture(7)
    assert np.array_equal(first, same)
    for other in (
        Pattern(320, 180, 24, "a blue ball", seed=3).picture(7),
        Pattern(320, 180, 24, "a red ball", seed=4).picture(7),
        Pattern(320, 180, 24, "a red ball", seed=3).picture(8),
    ):
        assert not np.array_equal(first, other)
