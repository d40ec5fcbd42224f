from __future__ import annotations

import pytest

from matinee.jobs.retention import Bounds, Finished, surplus

JOBS = (Finished("old", 10.0, 50), Finished("newer", 20.0, 40), Finished("newest", 30.0, 30))


@pytest.mark.parametrize(
    ("bounds", "now", "gone"),
    [
        (Bounds(100.0, 3, 120), 40.0, []),
        (Bounds(100.0, 2, 120), 40.0, ["old"]),
        (Bounds(100.0, 3, 119), 40.0, ["old"]),
        (Bounds(100.0, 3, 1), 40.0, ["newer", "old"]),
        (Bounds(20.0, 3, 120), 40.0, ["newer", "old"]),
        (Bounds(20.0, 3, 120), 50.0, ["newest", "newer", "old"]),
    ],
)
def test_the_oldest_go_first(bounds: Bounds, now: float, gone: list[str]) -> None:
    assert list(surplus(JOBS, bounds, now)) == gone
