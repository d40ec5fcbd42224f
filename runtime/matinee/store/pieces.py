"""A state in pieces that a server takes and gives one by one: its facts first, then its blobs.

Names in JSON tell how many pieces the facts are, and the blobs' names in order. What is read back
may be anything, so its form and its size are checked before a piece is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matinee.store.base import MAX_BLOB_BYTES, Blob

MOST_PIECES = 256
"""Of one state: a gibibyte."""
MAX_NAMES_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Layout:
    """`facts`: of so many pieces."""

    facts: int
    blobs: tuple[str, ...]

    @property
    def count(self) -> int:
        return self.facts + len(self.blobs)

    def joined(self, contents: Sequence[bytes]) -> tuple[bytes, dict[str, Blob]]:
        """Facts and blobs."""
        blobs = dict(zip(self.blobs, contents[self.facts :], strict=True))
        return b"".join(contents[: self.facts]), {**blobs}


@dataclass(frozen=True, slots=True)
class Pieces:
    """`contents`: of at most `MAX_BLOB_BYTES` each."""

    names: bytes
    contents: tuple[Blob, ...]
    size_bytes: int

    @classmethod
    def of(cls, facts: bytes, blobs: Mapping[str, Blob]) -> Pieces:
        """Raises `ValueError` for more than `MOST_PIECES`."""
        cut = [
            facts[start : start + MAX_BLOB_BYTES] for start in range(0, len(facts), MAX_BLOB_BYTES)
        ]
        contents = (*cut, *blobs.values())
        if len(contents) > MOST_PIECES:
            raise ValueError(f"a state of {len(contents)} pieces; at most {MOST_PIECES}")
        names = json.dumps({"facts": len(cut), "blobs": list(blobs)}).encode()
        return cls(names, contents, sum(len(one) for one in contents))

    @staticmethod
    def layout(names: bytes | None) -> Layout | None:
        """None where these are no names."""
        try:
            told = json.loads(names or b"")
            facts, blobs = told["facts"], told["blobs"]
            layout = Layout(int(facts), tuple(str(one) for one in blobs))
        except (LookupError, TypeError, ValueError, OverflowError, RecursionError):
            return None
        return layout if layout.facts >= 0 and layout.count <= MOST_PIECES else None
