"""How long sessions last on the average, and so how long somebody will be queued. Pure."""

from __future__ import annotations

SMOOTHING = 0.3
"""Weight of the newest session's length in the running mean."""


class SessionLengths:
    """`mean_s`: None until a session has ended."""

    def __init__(self) -> None:
        self.mean_s: float | None = None

    def remember(self, session_s: float) -> None:
        mean = self.mean_s
        self.mean_s = session_s if mean is None else mean + SMOOTHING * (session_s - mean)

    def eta_s(self, position: int, slots: int) -> float | None:
        """Until the one at this place gets one of so many slots; None while that is not known."""
        if self.mean_s is None or not slots:
            return None
        return round((position + 1) * self.mean_s / slots, 1)
