"""One segment of the synthetic family, at its pace, with its fault.

A state is the last two frames shown, and the number in the last one says where the video stands.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from matinee.errors import MatineeError, WorkerFailed
from matinee.generation import (
    Chunk,
    Pcm,
    RgbFrames,
    SegmentRequest,
    State,
    StepProgress,
    plan_chunks,
    samples_before,
    samples_of,
)
from matinee.mock.pattern import Pattern, number_of
from matinee.mock.settings import RATE, Fault, MockSettings
from matinee.state.last_frames import LastFrames

KEPT_FRAMES = 2
"""Of a state: one alone would be an initial image."""
HZ = 440.0
LOUDNESS = 0.25


class MockRun:
    """See `RunLike`. `state`: must be this family's own."""

    def __init__(
        self,
        settings: MockSettings,
        request: SegmentRequest,
        state: State | None,
        fault: Fault | None,
    ) -> None:
        self._settings, self._request, self._fault = settings, request, fault
        self._before = _nothing(request) if state is None else LastFrames.of(state)
        known = len(self._before.frames)
        self._number = number_of(self._before.frames[-1]) + 1 if known > 1 else 0
        self._last = self._before.frames
        self._plans = plan_chunks(settings.info(), request.num_frames, known)
        self._chunk = self._frames = 0
        self._pattern = Pattern(
            request.width, request.height, request.fps, request.prompt, request.seed
        )

    @property
    def total_steps(self) -> int:
        return len(self._plans) * self._request.num_inference_steps

    @property
    def finished(self) -> bool:
        return self._chunk == len(self._plans)

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        steps = self._request.num_inference_steps
        for made in range(self._chunk * steps, (self._chunk + 1) * steps):
            self._befall(made)
            time.sleep(self._settings.step_ms / 1000)
            on_step(StepProgress(made + 1, self.total_steps))
        count = self._plans[self._chunk].new
        chunk = Chunk(self._pictures(count), self._tone(count))
        self._last = np.concatenate([self._last, chunk.frames])[-KEPT_FRAMES:]
        self._frames += count
        self._chunk += 1
        return chunk

    def state(self) -> State:
        if not self._chunk:
            raise RuntimeError("no chunk has been made yet")
        left = LastFrames(
            frames=self._last,
            segment_index=self._before.segment_index + 1,
            seed=self._request.seed,
            prompts=(*self._before.prompts, self._request.prompt),
        )
        return left.to_state(self._settings.info().state_kind)

    def _befall(self, steps_made: int) -> None:
        """What goes wrong before the next step."""
        middle = steps_made == self.total_steps // 2
        match self._fault:
            case Fault.LATE if steps_made == 0:
                time.sleep(self._settings.fault_seconds)
            case Fault.STALL if middle:
                time.sleep(self._settings.fault_seconds)
            case Fault.ERROR if middle:
                raise MatineeError("this segment fails: `error` is among the faults of this mock")
            case Fault.CLOSE if middle:
                raise WorkerFailed("this session ends: `close` is among the faults of this mock")

    def _pictures(self, count: int) -> RgbFrames:
        first = self._number + self._frames
        pictures = [self._pattern.picture(number) for number in range(first, first + count)]
        if not self._frames and len(self._last) == 1:
            pictures[0] = self._last[0]  # the initial image
        return np.stack(pictures)

    def _tone(self, count: int) -> Pcm | None:
        """Its wave goes on over the whole timeline."""
        if not self._settings.sound:
            return None
        fps = self._request.fps
        first = samples_before(self._number, RATE, fps) + samples_before(self._frames, RATE, fps)
        time_s = np.arange(first, first + samples_of(self._frames, count, RATE, fps)) / RATE
        wave = (LOUDNESS * np.sin(2 * math.pi * HZ * time_s)).astype(np.float32)
        return Pcm(np.repeat(wave[:, None], 2, axis=1), RATE)


def _nothing(request: SegmentRequest) -> LastFrames:
    """What a video begins with that begins with no image."""
    return LastFrames(np.empty((0, request.height, request.width, 3), np.uint8))
