from __future__ import annotations

import pytest

from matinee.store.base import MAX_BLOB_BYTES
from matinee.store.pieces import MOST_PIECES, Pieces


@pytest.mark.parametrize("facts", [b"", b"facts", bytes(MAX_BLOB_BYTES) + b"more"])
def test_what_was_cut_is_joined(facts: bytes) -> None:
    pieces = Pieces.of(facts, {"a": b"1", "b": b""})
    layout = Pieces.layout(pieces.names)
    assert layout is not None
    assert layout.count == len(pieces.contents)
    assert layout.joined([bytes(one) for one in pieces.contents]) == (facts, {"a": b"1", "b": b""})
    assert pieces.size_bytes == len(facts) + 1
    assert max(map(len, pieces.contents)) <= MAX_BLOB_BYTES


def test_what_would_be_too_many_pieces_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 256"):
        Pieces.of(b"f", {str(number): b"" for number in range(MOST_PIECES)})


@pytest.mark.parametrize(
    "names",
    [
        None,
        b"",
        b"[]",
        b"\xff",
        b'{"facts": 1}',
        b'{"facts": -1, "blobs": []}',
        b'{"facts": 1e999, "blobs": []}',
        b'{"facts": "x", "blobs": []}',
        b'{"facts": 1, "blobs": 7}',
        b'{"facts": 257, "blobs": []}',
        b"[" * 60_000,
    ],
)
def test_what_is_not_ours_is_no_layout(names: bytes | None) -> None:
    assert Pieces.layout(names) is None
