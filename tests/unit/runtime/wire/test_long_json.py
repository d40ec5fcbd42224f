from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from matinee.wire.long_json import PART_BYTES, Base64, parts_of


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"a": [], "b": {}},
        [1, 2.5, None, True, "x"],
        {"type": "t", "list": [{"a": 1}, [2, [3]]], 'a "quoted"\nkey': "☃ \ud800 \x00"},
    ],
)
def test_the_parts_are_what_json_says(value: Any) -> None:
    parts = parts_of(value)
    assert json.loads(b"".join(parts)) == value
    assert b"".join(parts).isascii()
    assert len(parts) == 1


@pytest.mark.parametrize("size", [0, 1, 2, 3, 49151, 49152, 49153, 1_000_000])
def test_bytes_become_base64_in_parts_that_are_short(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    parts = parts_of({"frames": [Base64(data), Base64(b"x")], "n": 1})
    assert json.loads(b"".join(parts)) == {
        "frames": [base64.b64encode(data).decode(), "eA=="],
        "n": 1,
    }
    assert max(map(len, parts)) < 2 * PART_BYTES
    assert min(map(len, parts[:-1]), default=PART_BYTES) >= PART_BYTES
