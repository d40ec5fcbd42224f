"""Segments of a family that makes clips: one window after the other, each from the last frames.

A window is one call of a pipeline. It begins with frames that are known already, which keep it in
step with what was shown before; only the new ones leave. The noise of a window depends on the
seed, the segment and the window alone.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch

from matinee.generation import (
    Chunk,
    ModelInfo,
    SegmentRequest,
    State,
    StepProgress,
    plan_chunks,
)
from matinee.state.codec import check_state
from matinee.state.last_frames import MAX_PROMPTS, LastFrames


class Sampler(Protocol):
    """One segment's own sampler: whatever a pipeline changes while it runs (scheduler, caches)
    belongs to it, so that samplers of one family can take turns."""

    def sample(
        self, window: int, known: torch.Tensor, noise_seed: int, on_step: Callable[[int], None]
    ) -> torch.Tensor:
        """Make a clip of `window` frames that begins with the `known` ones.

        `known`: uint8 (n, H, W, 3), n = 0 or temporal_factor * k + 1. `on_step` is called after
        every denoising step, once the device has finished it, with the step counted from 1; what
        it raises ends the call at once. Returns uint8 (window, H, W, 3) on the model's device.
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
        self._chunk = 0

    @property
    def total_steps(self) -> int:
        return self._request.num_inference_steps * len(self._plans)

    @property
    def finished(self) -> bool:
        return self._chunk == len(self._plans)

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        plan = self._plans[self._chunk]
        steps_before = self._chunk * self._request.num_inference_steps
        clip = self._sampler.sample(
            plan.window,
            self._shown[len(self._shown) - plan.given :],
            noise_seed(self._request.seed, self._segment_index, self._chunk),
            lambda step: on_step(StepProgress(steps_before + step, self.total_steps)),
        )
        new = clip[plan.window - plan.new :]
        overlap = self._info.overlap_frames
        self._shown = torch.cat([self._shown.to(new.device), new[-overlap:]])[-overlap:]
        self._chunk += 1
        return Chunk(new)

    def state(self) -> State:
        if not self._chunk:
            raise RuntimeError("no chunk has been made yet")
        left = LastFrames(
            frames=np.ascontiguousarray(self._shown.cpu().numpy()),
            segment_index=self._segment_index + 1,
            seed=self._request.seed,
            prompts=(*self._prompts, self._request.prompt)[-MAX_PROMPTS:],
        )
        return left.to_state(self._info.state_kind)


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
