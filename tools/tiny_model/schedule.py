"""Time as the measure of a training stage: how much is used, and the learning rate that follows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from torch.optim import Optimizer

WARM_UP_STEPS = 50
DECAY_FROM = 0.4  # share of the stage after which the rate falls linearly to zero


@dataclass
class Budget:
    """The wall time of one stage, counted from its creation."""

    seconds: float
    report_every_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    step: int = 0
    begun: float = field(init=False)
    reported: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.begun = self.reported = self.clock()

    @property
    def share(self) -> float:
        """How much of the time is used, from 0 to 1."""
        return min(1.0, (self.clock() - self.begun) / self.seconds)

    @property
    def spent(self) -> bool:
        """Whether the stage is over."""
        return self.share >= 1.0

    def tick(self) -> bool:
        """Count a step; true when it is time for a report (and a checkpoint)."""
        self.step += 1
        due = self.clock() - self.reported >= self.report_every_s
        if due:
            self.reported = self.clock()
        return due


def rate_at(share: float, step: int) -> float:
    """The factor on the peak learning rate: short warm-up, plateau, linear decay."""
    return min(1.0, (step + 1) / WARM_UP_STEPS, (1.0 - share) / (1.0 - DECAY_FROM))


def learning_rate(optimizer: Optimizer, peak: float, share: float, step: int) -> None:
    """Set the rate of every group; a group may scale it with `rate_factor`."""
    for group in optimizer.param_groups:
        group["lr"] = peak * group.get("rate_factor", 1.0) * rate_at(share, step)
