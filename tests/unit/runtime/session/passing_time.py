"""A clock that stands still until a test lets time pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class PassingTimer:
    when: float
    ring: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class PassingClock:
    """Rings what is due in the order of its time."""

    time: float = 1000.0
    timers: list[PassingTimer] = field(default_factory=list)
    rung: int = 0

    def now(self) -> float:
        return self.time

    def call_at(self, when: float, ring: Callable[[], object]) -> PassingTimer:
        self.timers.append(PassingTimer(when, ring))
        return self.timers[-1]

    @property
    def waiting(self) -> list[float]:
        return [timer.when for timer in self.timers if not timer.cancelled]

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        due = [timer for timer in self.timers if timer.when <= self.time]
        self.timers = [timer for timer in self.timers if timer.when > self.time]
        for timer in sorted(due, key=lambda timer: timer.when):
            if not timer.cancelled:
                self.rung += 1
                timer.ring()
