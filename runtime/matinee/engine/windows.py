"""Segments of a family that makes clips: one window after the other, each from the last frames.

A window is one call of a pipeline. It begins with frames that are known already, which keep it in
step with what was shown before; only the new ones leave, in one chunk or, where a family decodes
part by part, in several. The noise of a window depends on the seed, the segment and the window
alone.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from matinee.generation import (
    Chunk,
    ModelInfo,
    Pcm,
    Samples,
    SegmentRequest,
    State,
    StepProgress,
    plan_chunks,
    samples_of,
)
from matinee.state.codec import check_state
from matinee.state.last_frames import MAX_PROMPTS, LastFrames, SoundTail


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What a sampler is to make: a clip of `frames` frames that begins with the `known` ones, uint8
    (n, H, W, 3), n = 0 or temporal_factor * k + 1. The first `hidden` were shown before: all that
    are known, or none of them when the only one is an image that the video begins with.
    `sound`: what a sampler with sound left with the window before."""

    frames: int
    known: torch.Tensor
    hidden: int
    noise_seed: int
    sound: SoundTail | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Frames that follow each other in a window: uint8 (n, H, W, 3) on the model's device. `audio`:
    the sound from the first frame on that is not hidden, float32 (samples, channels), -1 to 1; with
    sound a window is one part. `sound`: what the next window goes on from."""

    frames: torch.Tensor
    audio: Samples | None = None
    sound: SoundTail | None = None


class Sampler(Protocol):
    """One segment's own sampler: whatever a pipeline changes while it runs (scheduler, caches)
    belongs to it, so that samplers of one family can take turns."""

    def sample(self, window: Window, on_step: Callable[[int], None]) -> Iterator[Part]:
        """All frames of the window, in one part or several; between two of them other samplers run.

        `on_step` is called after every denoising step, once the device has finished it, with the
        step counted from 1; what it raises ends the call at once.
        """
        ...


class WindowRun:
    """See `families.Run`. The state is the last frames shown.

    Raises `InvalidState` for one that does not fit the model or the request.
    """

    def __init__(
        self, info: ModelInfo, sampler: Sampler, request: SegmentRequest, state: State | None
    ) -> None:
        self._info = info
        self._sampler = sampler
        self._request = request
        known = _last_frames(info, request, state)
        self._segment_index = known.segment_index
        self._prompts = known.prompts
        self._shown = torch.from_numpy(known.frames.copy())  # a picture's array may be read-only
        self._plans = plan_chunks(info, request.num_frames, len(self._shown))
        self._window = 0
        self._before = self._shown
        """What was shown before this window."""
        self._sound = known.sound
        self._parts: Iterator[Part] | None = None
        self._new = 0
        """Frames of the window that were given away."""
        self._frames = 0
        """And of the whole segment."""

    @property
    def total_steps(self) -> int:
        return self._request.num_inference_steps * len(self._plans)

    @property
    def finished(self) -> bool:
        return self._window == len(self._plans)

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        try:
            self._parts = self._parts or self._new_parts(on_step)
            part = next(self._parts)
        except BaseException:
            self._parts = None  # to be made again, without what was given away
            raise
        audio = self._sound_of(part)
        self._keep(part)
        more = self._new < self._plans[self._window].new
        if not more:
            self._window, self._before = self._window + 1, self._shown
            self._parts, self._new = None, 0
        return Chunk(part.frames, audio, more)

    def _new_parts(self, on_step: Callable[[StepProgress], None]) -> Iterator[Part]:
        """Of the window, without the frames that are hidden or were given away."""
        plan = self._plans[self._window]
        steps_before = self._window * self._request.num_inference_steps
        window = Window(
            plan.window,
            self._before[len(self._before) - plan.given :],
            plan.window - plan.new,
            noise_seed(self._request.seed, self._segment_index, self._window),
            self._sound,
        )
        parts = self._sampler.sample(
            window, lambda step: on_step(StepProgress(steps_before + step, self.total_steps))
        )
        return _without(parts, window.hidden + self._new)

    def _sound_of(self, part: Part) -> Pcm | None:
        """To the sample as long as the frames last; what is missing is silence."""
        if self._info.audio is None or part.audio is None:
            return None
        rate, fps = self._info.audio.rate, self._request.fps
        length = samples_of(self._frames, len(part.frames), rate, fps)
        missing = max(0, length - len(part.audio))
        return Pcm(np.pad(part.audio[:length], ((0, missing), (0, 0))), rate)

    def _keep(self, part: Part) -> None:
        """What the next window and the state go on from."""
        new, kept = part.frames, self._info.state_frames
        self._shown = torch.cat([self._shown.to(new.device), new[-kept:]])[-kept:]
        self._sound = part.sound
        self._new += len(new)
        self._frames += len(new)

    def state(self) -> State:
        if not (self._window or self._new):
            raise RuntimeError("no chunk has been made yet")
        left = LastFrames(
            frames=np.ascontiguousarray(self._shown.cpu().numpy()),
            segment_index=self._segment_index + 1,
            seed=self._request.seed,
            prompts=(*self._prompts, self._request.prompt)[-MAX_PROMPTS:],
            sound=self._sound,
        )
        return left.to_state(self._info.state_kind)


def _without(parts: Iterator[Part], frames: int) -> Iterator[Part]:
    """All but the first frames."""
    for part in parts:
        if frames < len(part.frames):
            yield replace(part, frames=part.frames[frames:])
        frames = max(0, frames - len(part.frames))


def noise_seed(seed: int, segment_index: int, chunk: int) -> int:
    """The seed of a chunk's noise: from the three numbers alone, on any machine.

    The first chunk of the first segment takes `seed` itself, so that it is the clip that the bare
    pipeline makes from that seed. Later ones take 63 bits of a hash, so that they never repeat it.
    """
    if segment_index == chunk == 0:
        return seed
    key = struct.pack("<QQQ", seed, segment_index, chunk)
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little") >> 1


def _last_frames(info: ModelInfo, request: SegmentRequest, state: State | None) -> LastFrames:
    """Those of the state; of a video that begins, none."""
    if state is None:
        return LastFrames(np.empty((0, request.height, request.width, 3), np.uint8))
    check_state(info, state, request)
    return LastFrames.of(state)
