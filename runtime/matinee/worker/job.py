"""A submitted segment, as its session sees it: an async iterator of events that survives restarts.

Events enter from the supervisor, events leave to one reader. What waits in between is bounded:
progress keeps only its newest value, and frames hold slots of the ring, of which there are few.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from matinee.generation import cut_sound
from matinee.media.i420 import I420Picture
from matinee.worker.messages import (
    FramesReady,
    JobEvent,
    SegmentCancelled,
    SegmentDone,
    SegmentFailed,
    SegmentJob,
    StepDone,
)

Ended = SegmentDone | SegmentCancelled | SegmentFailed


class JobOwner(Protocol):
    """What a handle needs from its worker."""

    def picture(self, slot: int, width: int, height: int) -> I420Picture: ...

    def release(self, slots: Iterable[int]) -> None: ...

    def cancel(self, handle: JobHandle) -> None: ...


class JobHandle:
    """Iterate it to its end, or `abandon` it: frames that nobody fetches hold slots.

    The last event is `SegmentDone`, `SegmentCancelled` or `SegmentFailed`. When the worker dies,
    another one makes the segment again: frames that were delivered before are left out, while
    steps are reported a second time.
    """

    def __init__(self, job: SegmentJob, owner: JobOwner) -> None:
        self.job = job
        self.worker_deaths = 0
        """Workers that died while they were computing this job."""
        self.cancelled = False
        self.ended = False
        self._abandoned = False
        self._owner = owner
        self._events: deque[JobEvent] = deque()
        self._arrived = asyncio.Event()
        self._frames = 0
        self._steps = 0

    @property
    def shown_frames(self) -> int:
        """Frames that were delivered to somebody who still wants the state after them."""
        return 0 if self._abandoned else self._frames

    def __aiter__(self) -> JobHandle:
        return self

    async def __anext__(self) -> JobEvent:
        while not self._events:
            if self.ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

    def pictures(self, event: FramesReady) -> list[I420Picture]:
        """Views into the ring, valid until `release(event.slots)`."""
        return [self._owner.picture(slot, event.width, event.height) for slot in event.slots]

    def release(self, slots: Iterable[int]) -> None:
        """Give back the slots of a `FramesReady`, each once."""
        self._owner.release(slots)

    def cancel(self) -> None:
        """Stop computing. Frames that are made already still come, because the state that
        `SegmentCancelled` brings goes on after them; it is the last event even when the segment
        was finished meanwhile."""
        if self.cancelled or (self.ended and not self._events):
            return
        self.cancelled = True
        self._events = deque(event for event in self._events if not isinstance(event, StepDone))
        if self.ended:
            self._put(self._as_cancelled(self._events.pop()))
        else:
            self._owner.cancel(self)

    def abandon(self) -> None:
        """`cancel`, and nobody will fetch frames any more: those that wait are given back."""
        self._abandoned = True
        waiting, self._events = self._events, deque()
        for event in waiting:
            self.accept(event)
        if self.cancelled and not self.ended:
            self._owner.cancel(self)  # what was shown need not be made again any more
        self.cancel()

    # For the supervisor

    def accept(self, event: JobEvent) -> None:
        match event:
            case StepDone():
                self._accept_step(event)
            case FramesReady():
                self._accept_frames(event)
            case SegmentDone() | SegmentCancelled() | SegmentFailed():
                self._accept_end(event)

    def _accept_step(self, event: StepDone) -> None:
        self._steps = event.step
        if self.cancelled:
            return
        if self._events and isinstance(self._events[-1], StepDone):
            self._events.pop()
        self._put(event)

    def _accept_frames(self, event: FramesReady) -> None:
        known = max(0, min(len(event.slots), self._frames - event.first_frame))
        if self._abandoned:
            known = len(event.slots)
        if known:
            self._owner.release(event.slots[:known])
        if known < len(event.slots):
            first = event.first_frame + known
            self._frames = event.first_frame + len(event.slots)
            _, audio = cut_sound(event.audio, event.first_frame, known, self.job.request.fps)
            self._put(replace(event, slots=event.slots[known:], first_frame=first, audio=audio))

    def _accept_end(self, event: Ended) -> None:
        self.ended = True
        self._put(self._as_cancelled(event) if self.cancelled else event)

    def _as_cancelled(self, event: JobEvent) -> JobEvent:
        if isinstance(event, SegmentCancelled):
            return event
        state = event.state if isinstance(event, SegmentDone) else None
        return SegmentCancelled(self.job.job_id, self._steps, state)

    def _put(self, event: JobEvent) -> None:
        self._events.append(event)
        self._arrived.set()
