"""Requests of which a worker died, so that no other worker gets them for a while.

Requests and times enter, a refusal leaves. No clock and no I/O. A request that killed a worker is
refused whoever sends it again, whatever its seed. So is each one that is as large or larger, for
size is the usual cause; but never a size of which frames have been made, so that nobody can take
the ordinary sizes from the others.

A worker that was killed from outside says little: a person did it, or the kernel for want of
memory. The second such death at a size that was never made, or at a larger one, counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from matinee.generation import SegmentRequest
from matinee_api.limits import MAX_CLIP_FRAMES

REFUSED_FOR_S = 600.0
REMEMBERED = 256
"""Deadly requests, and as many sizes that were made."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a window: `passes` of the model over so many frames."""

    pixels: int
    frames: int
    passes: int

    def within(self, other: Size) -> bool:
        return (
            self.pixels <= other.pixels
            and self.frames <= other.frames
            and self.passes <= other.passes
        )


@dataclass(frozen=True, slots=True)
class _Death:
    prompts: tuple[str, str]
    size: Size
    until: float


class Quarantine:
    """`window_frames`: how many the model makes at once, however long a segment is."""

    def __init__(self) -> None:
        self.window_frames = MAX_CLIP_FRAMES
        self._deadly: list[_Death] = []
        self._doubtful: list[_Death] = []
        self._made: list[Size] = []

    def made(self, request: SegmentRequest) -> None:
        """Frames of this size came out."""
        size = self._size(request)
        if not self._was_made(size):
            kept = [other for other in self._made if not other.within(size)]
            self._made = [*kept, size][-REMEMBERED:]

    def died(self, request: SegmentRequest, now: float, *, surely: bool) -> bool:
        """A worker did, while it made this; `surely` of it. Whether it is refused from now on."""
        death = _Death(_prompts(request), self._size(request), now + REFUSED_FOR_S)
        self._doubtful = _current(self._doubtful, now)
        again = any(earlier.size.within(death.size) for earlier in self._doubtful)
        deadly = surely or (again and not self._was_made(death.size))
        if deadly:
            self._deadly = [*_current(self._deadly, now), death][-REMEMBERED:]
        else:
            self._doubtful = [*self._doubtful, death][-REMEMBERED:]
        return deadly

    def refusal(self, request: SegmentRequest, now: float) -> str | None:
        """A sentence for people, or None when a worker may have it."""
        self._deadly = _current(self._deadly, now)
        size, prompts = self._size(request), _prompts(request)
        for deadly in self._deadly:
            if (deadly.prompts, deadly.size) == (prompts, size):
                return "a worker died while it made this very request; ask for something else"
            if deadly.size.within(size) and not self._was_made(size):
                return (
                    "a worker died of a request no larger than this one; "
                    "ask for fewer frames, fewer steps or a smaller picture"
                )
        return None

    def _size(self, request: SegmentRequest) -> Size:
        frames = min(request.num_frames, self.window_frames)
        passes = request.num_inference_steps * (2 if request.guidance_scale > 1 else 1)
        return Size(request.width * request.height, frames, passes)

    def _was_made(self, size: Size) -> bool:
        return any(size.within(other) for other in self._made)


def _current(deaths: list[_Death], now: float) -> list[_Death]:
    return [death for death in deaths if now < death.until]


def _prompts(request: SegmentRequest) -> tuple[str, str]:
    return request.prompt, request.negative_prompt
