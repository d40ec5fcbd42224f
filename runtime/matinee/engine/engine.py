"""The chunk loop: a loaded model, and segments that are made one chunk at a time.

    engine = Engine.load(config)
    run = engine.begin(request, state)
    while not run.finished:
        frames = run.next_chunk(on_step)
    state = run.state()

Runs of one engine may take turns at chunk edges: each has its own sampler, and their frames are
those they would make alone. An engine is for one thread at a time.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

import numpy as np
import torch

from matinee.engine.families import Family, Sampler, loader_of
from matinee.errors import ModelUnavailable
from matinee.generation import (
    ModelInfo,
    SegmentRequest,
    State,
    StepProgress,
    check_request,
    plan_chunks,
)
from matinee.state.codec import check_state
from matinee.state.last_frames import MAX_PROMPTS, LastFrames
from matinee.weights.local_folder import default_model_id, model_folder_of
from matinee.weights.model_folder import inspect_folder
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig


class Engine:
    """A loaded model."""

    def __init__(self, family: Family) -> None:
        self._family = family

    @classmethod
    def load(cls, config: GeneratorConfig) -> Engine:
        """Find, check and load the model, or raise `ModelUnavailable`."""
        device = _device(config.engine)
        if config.engine.cpu_threads is not None:
            torch.set_num_threads(config.engine.cpu_threads)
        folder = inspect_folder(model_folder_of(config.model_path, config.revision))
        load = loader_of(folder, config.family)
        model_id = config.model_id or default_model_id(config.model_path)
        return cls(load(folder, model_id, device, _dtype(config.engine, device)))

    @property
    def info(self) -> ModelInfo:
        return self._family.info

    def begin(self, request: SegmentRequest, state: State | None = None) -> SegmentRun:
        """Check the request (`InvalidRequest`) and the state (`InvalidState`); compute nothing."""
        check_request(self.info, request)
        if state is not None:
            check_state(self.info, state, request)
        return SegmentRun(self.info, self._family.sampler(request), request, state)


class SegmentRun:
    """One segment in the making."""

    def __init__(
        self,
        info: ModelInfo,
        sampler: Sampler,
        request: SegmentRequest,
        state: State | None,
    ) -> None:
        self._info = info
        self._sampler = sampler
        self._request = request
        known = LastFrames.of(state) if state else None
        self._segment_index = known.segment_index if known else 0
        self._prompts = known.prompts if known else ()
        self._shown = _known_frames(request, known)
        self._plans = plan_chunks(info, request.num_frames, len(self._shown))
        self._chunk = 0

    @property
    def total_steps(self) -> int:
        """Denoising steps of all chunks."""
        return self._request.num_inference_steps * len(self._plans)

    @property
    def finished(self) -> bool:
        return self._chunk == len(self._plans)

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> torch.Tensor:
        """Make the next chunk: its new frames, uint8 (n, H, W, 3) RGB, on the model's device.

        `on_step` is called after every denoising step; what it raises (`GenerationCancelled`)
        comes out at once, before frames are decoded, and the chunk can be made again.
        """
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
        return new

    def state(self) -> State:
        """What the next segment goes on from: the chunks made so far, of which there is one."""
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


def _known_frames(request: SegmentRequest, known: LastFrames | None) -> torch.Tensor:
    if known is None:
        return torch.empty((0, request.height, request.width, 3), dtype=torch.uint8)
    return torch.from_numpy(known.frames.copy())  # copied: a picture's array may be read-only


def _device(config: EngineConfig) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if config.device == "cuda" and not has_gpu:
        raise ModelUnavailable(
            "engine.device is cuda, but torch sees no CUDA GPU; "
            "check the driver and torch's build, or use cpu"
        )
    return torch.device("cuda" if has_gpu and config.device != "cpu" else "cpu")


def _dtype(config: EngineConfig, device: torch.device) -> torch.dtype:
    named = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    return named.get(config.dtype) or _best_dtype(device)


def _best_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the GPU computes in it; before Ampere it is only emulated. float16 overflows
    in T5."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32
