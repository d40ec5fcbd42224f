from __future__ import annotations

import pytest

from matinee.store.base import how_many_fit, next_fence


@pytest.mark.parametrize(
    ("sizes", "most", "most_bytes", "fit"),
    [
        ([], 3, 100, 0),
        ([10, 10], 3, 100, 2),
        ([10, 10, 10, 10], 3, 100, 3),
        ([60, 40, 1], 3, 100, 2),
        ([101, 1], 3, 100, 1),
        ([1, 200, 1], 3, 100, 1),
        ([1, 1], 0, 100, 1),
    ],
)
def test_the_newest_stay_while_they_fit(
    sizes: list[int], most: int, most_bytes: int, fit: int
) -> None:
    assert how_many_fit(sizes, most, most_bytes) == fit


@pytest.mark.parametrize(
    ("fence", "now_s", "following"),
    [(0, 0.0, 1), (7, 0.0, 8), (0, 12.5, 12500), (12500, 12.5, 12501), (99999, 12.5, 100000)],
)
def test_a_fence_grows_with_each_claim_and_with_time(
    fence: int, now_s: float, following: int
) -> None:
    assert next_fence(fence, now_s) == following
