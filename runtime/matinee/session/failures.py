"""What a failed segment means for its session. Pure."""

from __future__ import annotations

from matinee.session.effects import CloseCode, End
from matinee.wire import server_messages as say
from matinee.worker.messages import Cause, SegmentFailed

MOST_DEADLY = 2
"""Segments of a session that a worker died of: the last one ends it."""


def error_of(failed: SegmentFailed, request_id: str | None) -> say.Error:
    """What the client is told. The same request again would fail again, unless another server has a
    worker left for it."""
    if failed.cause is Cause.REQUEST:
        param = failed.param or None
        return say.Error("invalid_message", failed.message, True, request_id, param)
    return say.Error("worker_failed", failed.message, failed.cause is Cause.NO_WORKER, request_id)


class Failures:
    """Those of one session."""

    def __init__(self) -> None:
        self._deadly = 0

    def end_after(self, failed: SegmentFailed) -> End | None:
        """The session's end, unless it goes on from the state before the segment."""
        self._deadly += failed.cause is Cause.DEADLY
        if failed.cause is not Cause.NO_WORKER and self._deadly < MOST_DEADLY:
            return None
        return End("error", CloseCode.INTERNAL, "worker_failed")
