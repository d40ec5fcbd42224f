"""What the worker needs from an engine, as protocols that a fake without torch fits too.

A backend is a module with the functions of `Backend`; the child imports it by name, after it has
chosen its GPU, so that nothing else imports torch. The real one is `torch_backend`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from matinee.generation import Chunk, ModelInfo, SegmentRequest, State, StepProgress
from matinee.media.i420 import I420Picture
from matinee_api.config.runtime_config import GeneratorConfig

TORCH_BACKEND = "matinee.worker.torch_backend"

Frames = Any
"""uint8, shape (frames, height, width, 3), RGB: a torch tensor on any device, or the like of it."""


class RunLike(Protocol):
    @property
    def finished(self) -> bool: ...

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        """Raises `BadInput` for what this request asks, `WorkerFailed` when the session had better
        go elsewhere, and anything else for this segment."""
        ...

    def state(self) -> State: ...


class EngineLike(Protocol):
    @property
    def info(self) -> ModelInfo: ...

    def begin(self, request: SegmentRequest, state: State | None) -> RunLike: ...

    def characters_read(self, prompt: str) -> int:
        """From the first on; as many as there are of a prompt that fits."""
        ...

    def trial_opening(self) -> State | None:
        """What a warm-up begins with: something for a model that cannot begin from a prompt."""
        ...

    def on_part_done(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever a part of a step or of a decode is done, from the thread that
        computes: it shows that a long one gets on."""
        ...


class Backend(Protocol):
    def load(self, generator: GeneratorConfig) -> EngineLike: ...

    def rgb_to_i420(self, frames: Frames, out: Sequence[I420Picture]) -> None: ...

    def recover(self, error: Exception) -> bool:
        """Make the device usable again after a failed job; False when only a new process can."""
        ...
