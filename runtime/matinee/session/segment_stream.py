"""One segment on its way from the worker to the viewer: pictures in, fragments and figures out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from matinee.generation import Samples, sound_of_frames
from matinee.media.i420 import I420Picture
from matinee.media.media_stream import Fragment
from matinee.session.effects import StartSegment
from matinee.session.outlet import Outlet
from matinee.session.studio import Studio
from matinee.session.video import SessionVideo, encode
from matinee.wire import server_messages as say
from matinee.wire.client_messages import StreamMode
from matinee.worker import messages as worker

Outcome = worker.SegmentDone | worker.SegmentCancelled | worker.SegmentFailed


class JobHandle(Protocol):
    """A segment in a worker's hands. Iterating ends after the outcome."""

    def __aiter__(self) -> AsyncIterator[worker.JobEvent]: ...

    def cancel(self) -> None:
        """Stop at the next denoising step; frames made so far and the outcome still come."""

    def abandon(self) -> None:
        """`cancel`, and only the outcome still comes."""

    def pictures(self, event: worker.FramesReady) -> list[I420Picture]:
        """Views on shared memory, valid until `release`."""

    def release(self, slots: Iterable[int]) -> None: ...


@dataclass(slots=True)
class SegmentFigures:
    """What the viewer and the log are told afterwards. Times are monotonic seconds."""

    fragments: int = 0
    bytes: int = 0
    frames: int = 0
    duration_ms: float = 0.0
    """Of the segment on the timeline, frames that a slow viewer missed included."""
    first_fragment_at: float | None = None
    last_fragment_at: float = 0.0


@dataclass(slots=True)
class SegmentStream:
    """Runs one segment of a session; `run` returns how it ended.

    What the viewer has of it from an earlier life of the session is made again and left out.
    `stream_id`: the same in each life. `on_shown` hears how many frames each fragment brings.
    """

    start: StartSegment
    handle: JobHandle
    video: SessionVideo
    mode: StreamMode
    stream_id: str
    outlet: Outlet
    studio: Studio
    on_step: Callable[[worker.StepDone], None]
    on_shown: Callable[[int], None]
    figures: SegmentFigures = field(default_factory=SegmentFigures)
    _pts_base_ms: float = 0.0
    _made: int = 0
    """Frames, those that are left out included."""
    _started: asyncio.Future[None] | None = None

    async def run(self) -> Outcome:
        loop = asyncio.get_running_loop()
        self._pts_base_ms = self.video.pts_ms
        start = partial(self.video.start_segment, self.start.shown.keyframes)
        self._started = loop.run_in_executor(self.studio.encoders, start)
        async for event in self.handle:
            match event:
                case worker.StepDone():
                    self.on_step(event)
                case worker.FramesReady():
                    await self._take(event)
                case outcome:
                    await self._encode((), (), flush=True)  # it may have ended within a chunk
                    self._finish(outcome)
                    return outcome
        raise RuntimeError("a job ended without an outcome")

    def summary(self, outcome: Outcome) -> dict[str, object]:
        """One line of the session log."""
        asked, first = self.start.segment.requested_at, self.figures.first_fragment_at
        return {
            "segment_idx": self.start.segment.index,
            "outcome": _outcome_label(outcome),
            "prompt": self.start.segment.request.prompt,
            "source": self.start.segment.source,
            "seed": self.start.segment.request.seed,
            "frames": self.figures.frames,
            "bytes": self.figures.bytes,
            "first_fragment_ms": None if first is None else round((first - asked) * 1000, 1),
        }

    async def _take(self, event: worker.FramesReady) -> None:
        started = time.perf_counter()
        try:
            await self._encode(
                self.handle.pictures(event), self._sounds(event), flush=event.ends_chunk
            )
        finally:
            self.handle.release(event.slots)
        self.studio.metrics.encode.observe(time.perf_counter() - started)

    def _sounds(self, event: worker.FramesReady) -> Sequence[Samples | None]:
        fps = self.start.segment.request.fps
        return sound_of_frames(event.audio, event.first_frame, len(event.slots), fps)

    async def _encode(
        self, pictures: Sequence[I420Picture], sounds: Sequence[Samples | None], *, flush: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        if self._started is not None:
            await self._started

        def emit(fragment: Fragment) -> None:
            loop.call_soon_threadsafe(self._send_fragment, fragment)

        await loop.run_in_executor(
            self.studio.encoders, partial(encode, self.video, pictures, sounds, emit, flush=flush)
        )

    def _send_fragment(self, fragment: Fragment) -> None:
        self.figures.duration_ms += fragment.duration_ms
        before, self._made = self._made, self._made + fragment.frames
        shown = self.start.shown
        if before < shown.frames or shown.first_frame + self._made <= self.start.held:
            self._count(fragment)
            if before >= shown.frames:
                self.on_shown(fragment.frames)
            return
        self._time_fragment()
        if self.outlet.put_video(fragment):
            self._count(fragment)
        else:
            self.studio.metrics.skipped_seconds.inc(fragment.duration_ms / 1000)
        self.on_shown(fragment.frames)

    def _count(self, fragment: Fragment) -> None:
        self.figures.fragments += 1
        self.figures.bytes += len(fragment.data)
        self.figures.frames += fragment.frames

    def _time_fragment(self) -> None:
        figures, now = self.figures, self.studio.clock.now()
        if figures.first_fragment_at is None:
            figures.first_fragment_at = now
            self.studio.metrics.first_fragment.observe(now - self.start.segment.requested_at)
            if not self.start.viewer_has_init:
                self._announce()
        else:
            self.studio.metrics.fragment_gap.observe(now - figures.last_fragment_at)
        figures.last_fragment_at = now

    def _announce(self) -> None:
        self.outlet.put(
            say.MediaInit(
                segment_idx=self.start.segment.index,
                stream_id=self.stream_id,
                mime=self.video.mime,
                mode=self.mode,
                timescale=self.video.timescale,
            )
        )
        if self.video.init is not None:
            self.outlet.put(self.video.init)

    def _finish(self, outcome: Outcome) -> None:
        figures = self.figures
        if figures.duration_ms:
            self.outlet.put(
                say.MediaSegmentComplete(
                    segment_idx=self.start.segment.index,
                    stream_id=self.stream_id,
                    chunks=figures.fragments,
                    duration_ms=round(figures.duration_ms, 3),
                    pts_base_ms=round(self._pts_base_ms, 3),
                    bytes=figures.bytes,
                    frames=figures.frames,
                )
            )
        if isinstance(outcome, worker.SegmentDone):
            self.studio.metrics.video_seconds.inc(figures.duration_ms / 1000)
            self.studio.metrics.compute_seconds.inc(outcome.compute_ms / 1000)
            self.outlet.put(partial(self._complete, outcome.compute_ms))
        self.studio.metrics.segments.labels(_outcome_label(outcome)).inc()

    def _complete(self, compute_ms: float) -> say.SegmentComplete:
        """Made when everything before it has been sent, so that the latency is the viewer's."""
        asked, first = self.start.segment.requested_at, self.figures.first_fragment_at
        return say.SegmentComplete(
            segment_idx=self.start.segment.index,
            generation_time_ms=round(compute_ms, 1),
            e2e_latency_ms=round((self.studio.clock.now() - asked) * 1000, 1),
            first_fragment_ms=None if first is None else round((first - asked) * 1000, 1),
            request_id=self.start.segment.request_id,
        )


def _outcome_label(outcome: Outcome) -> str:
    match outcome:
        case worker.SegmentDone():
            return "done"
        case worker.SegmentCancelled():
            return "cancelled"
        case worker.SegmentFailed():
            return "refused" if outcome.cause is worker.Cause.REQUEST else "failed"
