"""States in this process's memory: the default, for one pod."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from matinee.generation import State

MAX_BYTES = 256 * 2**20
"""Tensors of all the states together: a large picture's state takes up 50 MB."""


@dataclass(slots=True)
class MemoryStore:
    """`clock` gives monotonic seconds. The newest state is kept, however large."""

    ttl_s: float
    max_states: int
    clock: Callable[[], float] = time.monotonic
    max_bytes: int = MAX_BYTES
    _states: OrderedDict[str, tuple[float, State]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    async def put(self, session_id: str, state: State) -> None:
        self._forget(session_id)
        self._states[session_id] = (self.clock(), state)
        self._bytes += state.nbytes
        while len(self._states) > 1 and self._too_much():
            self._forget(next(iter(self._states)))

    async def get(self, session_id: str) -> State | None:
        kept_at, state = self._states.get(session_id, (float("-inf"), None))
        return state if self.clock() - kept_at <= self.ttl_s else None

    def _forget(self, session_id: str) -> None:
        if session_id in self._states:
            _, state = self._states.pop(session_id)
            self._bytes -= state.nbytes

    def _too_much(self) -> bool:
        oldest, _ = next(iter(self._states.values()))
        too_many = len(self._states) > self.max_states or self._bytes > self.max_bytes
        return too_many or self.clock() - oldest > self.ttl_s
