"""A worker's steps as the client hears of them: at most 20 a second, and the last one always."""

from __future__ import annotations

from matinee.wire.server_messages import StepComplete
from matinee.worker.messages import StepDone

STEP_INTERVAL_S = 0.05
"""`step_complete` is sent at most this often."""


class StepReports:
    """Of one segment."""

    def __init__(self, segment_idx: int) -> None:
        self._segment_idx = segment_idx
        self._last_at = float("-inf")

    def report(self, event: StepDone, now: float) -> StepComplete | None:
        """None when the client heard of a step just before. Time is monotonic seconds."""
        is_last = event.step == event.total_steps
        if not is_last and now - self._last_at < STEP_INTERVAL_S:
            return None
        self._last_at = now
        eta_ms = event.elapsed_ms / event.step * (event.total_steps - event.step)
        return StepComplete(
            segment_idx=self._segment_idx,
            step=event.step,
            total_steps=event.total_steps,
            stage=event.stage,
            elapsed_ms=round(event.elapsed_ms, 1),
            eta_ms=round(eta_ms, 1),
        )
