"""The interface of a store: states of sessions as bytes, each saved under a lease.

A session has one holder at a time. Whoever claims it becomes the holder, and what an earlier
holder saves afterwards is refused: a pod that was thought dead cannot overwrite what its successor
wrote. Each lease carries a fence, a number that grows with every claim; a save whose fence is
smaller than the newest one is too late.

A save replaces the state of the same segment, and takes away those of later segments: the session
went on from an earlier one. What a store keeps of each session is its history.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

MAX_BLOB_BYTES = 4 * 2**20
"""Larger values hold up everybody else on a Redis server; whoever saves cuts them."""
SESSION_ID = re.compile(r"[A-Za-z0-9-]{1,128}")

Blob = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to save a session, until somebody else claims it."""

    session_id: str
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class Kept:
    """One state of a session's history. `saved_at_s`: by the store's clock."""

    segment: int
    saved_at_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved after so many segments."""

    segment: int
    facts: bytes
    blobs: Mapping[str, Blob]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a store keeps. The newest state is kept, however large."""

    ttl_s: float
    max_states: int
    max_bytes: int
    history_states: int
    history_bytes: int
    """The last two: of each session."""


class SessionStore(Protocol):
    """Every method raises `StoreUnavailable` for whatever the medium does, and `ValueError` for a
    session id that is not of the form `SESSION_ID`."""

    async def claim(self, session_id: str, owner: str) -> Lease:
        """Become the holder, whoever was it before. `owner` is told to those who lose by it."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the session up; its states stay. Nothing happens when it was lost already."""
        ...

    async def save(
        self, lease: Lease, segment: int, facts: bytes, blobs: Mapping[str, Blob]
    ) -> None:
        """Keep the state after so many segments: all of it, or the one before stays.

        Raises `LeaseLost`, and `ValueError` for a blob larger than `MAX_BLOB_BYTES`.
        """
        ...

    async def load(self, session_id: str, segment: int | None = None) -> Saved | None:
        """The newest state, or that of a segment. None when there is none, it was too old, or what
        is there was not written by a store."""
        ...

    async def history(self, session_id: str) -> tuple[Kept, ...]:
        """What `load` finds, oldest first."""
        ...

    async def forget(self, session_id: str) -> None:
        """Remove all its states. Its holder has lost it."""
        ...

    async def close(self) -> None:
        """Let go of what leads to the medium; nothing may follow."""
        ...


def check_session_id(session_id: str) -> None:
    """Raises `ValueError` for one that could mean something else to a medium, such as a path."""
    if not SESSION_ID.fullmatch(session_id):
        raise ValueError(f"{session_id!r} is not a session id")


def check_blobs(blobs: Mapping[str, Blob]) -> None:
    """Raises `ValueError`."""
    for name, blob in blobs.items():
        if len(blob) > MAX_BLOB_BYTES:
            raise ValueError(f"blob {name!r} has {len(blob)} bytes; at most {MAX_BLOB_BYTES}")


def next_fence(fence: int, now_s: float) -> int:
    """After `fence`. At least the time, so that it also grows when a lease was forgotten."""
    return max(fence + 1, int(now_s * 1000))


def how_many_fit(sizes_newest_first: list[int], most: int, most_bytes: int) -> int:
    """How many of the newest stay; the very newest does, however large."""
    total = 0
    for position, size in enumerate(sizes_newest_first):
        total += size
        if position and (position >= most or total > most_bytes):
            return position
    return len(sizes_newest_first)
