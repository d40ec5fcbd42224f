"""How often a client may do something: an allowance that grows with time. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """`per_second`: how fast it grows; `most`: what may be saved up, and what there is at first;
    `at`: when it begins, monotonic seconds."""

    per_second: float
    most: float
    at: float
    left: float = -1.0

    def __post_init__(self) -> None:
        self.left = self.most

    def room(self, now: float) -> float:
        """What could be spent now; less than nothing after too much was spent."""
        self.left = min(self.left + (now - self.at) * self.per_second, self.most)
        self.at = now
        return self.left

    def spend(self, amount: float, now: float) -> bool:
        """False when it was too much."""
        self.left = self.room(now) - amount
        return self.left >= 0
