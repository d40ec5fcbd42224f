from __future__ import annotations

from pathlib import Path

import pytest

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.space import check_space, free_bytes_at, human_bytes


def test_what_fits_is_let_through() -> None:
    check_space(missing_bytes=10, free_bytes=10, folder=Path("/cache"))


def test_what_does_not_fit_is_told_with_both_numbers() -> None:
    with pytest.raises(FetchFailed, match=r"28\.4 GiB.*/cache has 1\.5 KiB free") as caught:
        check_space(missing_bytes=30_500_000_000, free_bytes=1536, folder=Path("/cache"))
    assert caught.value.reason == "NoSpace"


def test_a_volume_tells_what_is_free(tmp_path: Path) -> None:
    assert free_bytes_at(tmp_path) > 0


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (2**20 - 1, "1.0 MiB"),
        (5 * 2**30, "5.0 GiB"),
        (3 * 2**40, "3.0 TiB"),
    ],
)
def test_sizes_are_told_in_units_for_people(count: int, text: str) -> None:
    assert human_bytes(count) == text
