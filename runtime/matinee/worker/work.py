"""One job on its way through a worker's engine."""

from __future__ import annotations

from dataclasses import dataclass

from matinee.generation import Pcm, cut_sound
from matinee.worker.backend import Frames, RunLike
from matinee.worker.messages import FramesReady, SegmentJob


@dataclass(slots=True, eq=False)
class Work:
    """`job` in the hands of the engine."""

    job: SegmentJob
    run: RunLike | None = None
    frames: Frames | None = None
    """Made and not yet handed over."""
    audio: Pcm | None = None
    """Of these frames."""
    more: bool = False
    """The rest of what was denoised comes before anybody else's turn."""
    handed_over: int = 0
    steps_done: int = 0
    compute_s: float = 0.0
    cancelled: bool = False
    shown_before: int = 0
    """Frames that another process handed over before this one began anew."""

    @property
    def stops(self) -> bool:
        """It was cancelled, and its state goes on after all that was shown."""
        return self.cancelled and self.handed_over >= self.shown_before

    def hand_over(self, frames: Frames, slots: tuple[int, ...]) -> FramesReady:
        """The first of these frames lie in the slots."""
        request, first = self.job.request, self.handed_over
        sound, self.audio = cut_sound(self.audio, first, len(slots), request.fps)
        self.handed_over += len(slots)
        self.frames = frames[len(slots) :] if len(slots) < len(frames) else None
        size, ends_chunk = (request.width, request.height), self.frames is None
        return FramesReady(self.job.job_id, slots, *size, first, ends_chunk, sound)
