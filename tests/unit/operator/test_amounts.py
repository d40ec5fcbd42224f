from __future__ import annotations

import pytest

from matinee_operator.amounts import (
    canonical,
    quantity_bytes,
    share_text,
    size_text,
    time_text,
)

SIZES = {
    0: "0 B",
    999: "999 B",
    1000: "1.0 kB",
    9_400_000_000: "9.4 GB",
    123_456_789: "123 MB",
    2 * 10**15: "2000 TB",
}
TIMES = {0: "0 s", 119: "119 s", 120: "2 min", 7199: "119 min", 7200: "2 h"}
QUANTITIES = {
    "1024": 1024,
    "1k": 1000,
    "16Gi": 16 * 1024**3,
    "1.5G": 1_500_000_000,
    "2000m": 2,
    "1Ti": 1024**4,
}


@pytest.mark.parametrize("size", SIZES)
def test_sizes_for_people(size: int) -> None:
    assert size_text(size) == SIZES[size]


def test_a_share_has_one_unit() -> None:
    assert share_text(900, 9_400_000_000) == "0.0 of 9.4 GB"
    assert share_text(3_100_000_000, 9_400_000_000) == "3.1 of 9.4 GB"


@pytest.mark.parametrize("seconds", TIMES)
def test_times_for_people(seconds: int) -> None:
    assert time_text(seconds) == TIMES[seconds]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_quantities(quantity: str) -> None:
    assert quantity_bytes(quantity) == QUANTITIES[quantity]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("100m", "100m"),
        ("1000m", "1"),
        ("1.5", "1500m"),
        ("2", "2"),
        ("2000", "2k"),
        ("512Mi", "512Mi"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("500M", "500M"),
    ],
)
def test_amounts_as_the_api_server_stores_them(given: str, stored: str) -> None:
    assert canonical({"limits": {"memory": given}}) == {"limits": {"memory": stored}}
