"""States in this process's memory: the default, for one pod."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from matinee.errors import LeaseLost
from matinee.store.base import (
    Blob,
    Bounds,
    Kept,
    Lease,
    Saved,
    check_blobs,
    check_session_id,
    how_many_fit,
    next_fence,
)

MAX_BYTES = 256 * 2**20
"""Of all the states together, where nothing is configured: a large picture's takes up 50 MB."""
NOBODY = ""
ENDED_S = 60.0
"""How long it is known of a session that has ended and left no states: a save that is still under
way takes less."""


@dataclass(frozen=True, slots=True)
class _Entry:
    kept: Kept
    saved: Saved


@dataclass(slots=True)
class _Holder:
    """`changed_at_s`: when it was claimed, released or last saved."""

    owner: str
    fence: int
    changed_at_s: float


@dataclass(slots=True)
class MemoryStore:
    """`clock` gives monotonic seconds. Blobs are kept as they are given: nobody may change them."""

    bounds: Bounds
    clock: Callable[[], float] = time.monotonic
    _entries: dict[tuple[str, int], _Entry] = field(default_factory=dict)
    """By session and segment, oldest first."""
    _segments: dict[str, list[int]] = field(default_factory=dict)
    """Of each session, oldest first."""
    _holders: dict[str, _Holder] = field(default_factory=dict)
    _bytes: int = 0

    async def claim(self, session_id: str, owner: str) -> Lease:
        check_session_id(session_id)
        self._forget_old_holders()
        return Lease(session_id, owner, self._hand_over(session_id, owner))

    async def release(self, lease: Lease) -> None:
        if self._fence(lease.session_id) <= lease.fence:
            self._hand_over(lease.session_id, NOBODY)

    async def save(
        self, lease: Lease, segment: int, facts: bytes, blobs: Mapping[str, Blob]
    ) -> None:
        check_blobs(blobs)
        session_id, now = lease.session_id, self.clock()
        if self._fence(session_id) > lease.fence:
            raise LeaseLost(session_id, self._holders[session_id].owner)
        self._hold(_Holder(lease.owner, lease.fence, now), session_id)
        for later in [one for one in self._segments.get(session_id, ()) if one >= segment]:
            self._remove(session_id, later)
        size = len(facts) + sum(len(blob) for blob in blobs.values())
        self._entries[session_id, segment] = _Entry(
            Kept(segment, now, size), Saved(segment, facts, dict(blobs))
        )
        self._segments.setdefault(session_id, []).append(segment)
        self._bytes += size
        self._trim(session_id)

    async def load(self, session_id: str, segment: int | None = None) -> Saved | None:
        check_session_id(session_id)
        for entry in reversed(self._young(session_id)):
            if segment in (None, entry.kept.segment):
                return entry.saved
        return None

    async def history(self, session_id: str) -> tuple[Kept, ...]:
        check_session_id(session_id)
        return tuple(entry.kept for entry in self._young(session_id))

    async def forget(self, session_id: str) -> None:
        check_session_id(session_id)
        for segment in list(self._segments.get(session_id, ())):
            self._remove(session_id, segment)
        self._hand_over(session_id, NOBODY)

    async def close(self) -> None:
        """Nothing is open."""

    # Who holds a session

    def _fence(self, session_id: str) -> int:
        holder = self._holders.get(session_id)
        return 0 if holder is None else holder.fence

    def _hand_over(self, session_id: str, owner: str) -> int:
        now = self.clock()
        fence = next_fence(self._fence(session_id), now)
        self._hold(_Holder(owner, fence, now), session_id)
        return fence

    def _hold(self, holder: _Holder, session_id: str) -> None:
        self._holders.pop(session_id, None)  # so that the first one is the oldest
        self._holders[session_id] = holder

    def _forget_old_holders(self) -> None:
        now = self.clock()
        while self._holders:
            session_id, holder = next(iter(self._holders.items()))
            ended = holder.owner == NOBODY and session_id not in self._segments
            kept_s = min(ENDED_S, self.bounds.ttl_s) if ended else self.bounds.ttl_s
            if holder.changed_at_s >= now - kept_s:
                return
            del self._holders[session_id]

    # What is kept

    def _young(self, session_id: str) -> list[_Entry]:
        too_old = self.clock() - self.bounds.ttl_s
        entries = [self._entries[session_id, one] for one in self._segments.get(session_id, ())]
        return [entry for entry in entries if entry.kept.saved_at_s >= too_old]

    def _trim(self, session_id: str) -> None:
        segments = self._segments[session_id]
        sizes = [self._entries[session_id, one].kept.size_bytes for one in reversed(segments)]
        stay = how_many_fit(sizes, self.bounds.history_states, self.bounds.history_bytes)
        for segment in segments[:-stay]:
            self._remove(session_id, segment)
        while len(self._entries) > 1 and self._too_much():
            self._remove(*next(iter(self._entries)))

    def _too_much(self) -> bool:
        oldest = next(iter(self._entries.values()))
        return (
            len(self._entries) > self.bounds.max_states
            or self._bytes > self.bounds.max_bytes
            or self.clock() - oldest.kept.saved_at_s > self.bounds.ttl_s
        )

    def _remove(self, session_id: str, segment: int) -> None:
        self._bytes -= self._entries.pop((session_id, segment)).kept.size_bytes
        self._segments[session_id].remove(segment)
        if not self._segments[session_id]:
            del self._segments[session_id]
