"""States in this process's memory: the default, for one pod."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from matinee.generation import ContinuationState


@dataclass(slots=True)
class MemoryStore:
    """`clock` gives monotonic seconds."""

    ttl_s: float
    max_states: int
    clock: Callable[[], float] = time.monotonic
    _states: OrderedDict[str, tuple[float, ContinuationState]] = field(default_factory=OrderedDict)

    async def put(self, session_id: str, state: ContinuationState) -> None:
        self._states.pop(session_id, None)
        self._states[session_id] = (self.clock(), state)
        while len(self._states) > self.max_states or self._oldest_age() > self.ttl_s:
            self._states.popitem(last=False)

    async def get(self, session_id: str) -> ContinuationState | None:
        kept_at, state = self._states.get(session_id, (float("-inf"), None))
        return state if self.clock() - kept_at <= self.ttl_s else None

    async def drop(self, session_id: str) -> None:
        self._states.pop(session_id, None)

    def _oldest_age(self) -> float:
        kept_at, _ = next(iter(self._states.values()))
        return self.clock() - kept_at
