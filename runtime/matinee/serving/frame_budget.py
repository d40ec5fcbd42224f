"""How many frames a client may send: an allowance that grows with time. Pure: time is passed in.

A frame costs the server the same whether it is empty or not, and a million empty ones fit into the
bytes of one picture.
"""

from __future__ import annotations

from dataclasses import dataclass

BURST_S = 2.0
"""So many seconds' frames may come at once."""


@dataclass(slots=True)
class FrameBudget:
    """`per_second`: frames; `at`: when it begins, monotonic seconds."""

    per_second: float
    at: float
    left: float = -1.0

    def __post_init__(self) -> None:
        self.left = self.per_second * BURST_S

    def spend(self, frames: int, now: float) -> bool:
        """False when they were too many; what follows is the client's end."""
        self.left = min(self.left + (now - self.at) * self.per_second, self.per_second * BURST_S)
        self.at = now
        self.left -= frames
        return self.left >= 0
