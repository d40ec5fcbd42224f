"""The interface of a state store."""

from __future__ import annotations

from typing import Protocol

from matinee.generation import State


class StateStore(Protocol):
    """Keeps the newest state of each session. Session ids are `[A-Za-z0-9-]+`."""

    async def put(self, session_id: str, state: State) -> None: ...

    async def get(self, session_id: str) -> State | None:
        """None when there is none, or it was too old."""
