"""Time as a session's runner sees it, so that a test can be hours long and take no time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def call_at(self, when: float, ring: Callable[[], object]) -> Timer: ...


class LoopClock:
    """The event loop's timers."""

    def now(self) -> float:
        return time.monotonic()

    def call_at(self, when: float, ring: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(max(0.0, when - self.now()), ring)
