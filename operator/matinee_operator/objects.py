"""Objects of the API server: how one is named."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """One object; with the kinds of this API also the unit of work."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"
