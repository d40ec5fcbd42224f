"""When a provider that fails is left alone for a while. Pure: time is passed in.

CLOSED --failures in a row--> OPEN --after a while--> one is let through --> CLOSED, or OPEN
"""

from __future__ import annotations

FAILURES = 5
OPEN_S = 30.0


class Breaker:
    """Ask `allows` before each request, and say how it ended."""

    def __init__(self) -> None:
        self._failures = 0
        self._opens_until = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES

    def allows(self, now: float) -> bool:
        """While it is open, one request each `OPEN_S`, which tries whether all is well again."""
        if not self.is_open:
            return True
        if now < self._opens_until:
            return False
        self._opens_until = now + OPEN_S
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, now: float) -> None:
        self._failures += 1
        self._opens_until = now + OPEN_S
