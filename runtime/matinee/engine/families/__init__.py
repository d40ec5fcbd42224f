"""What a model family must answer, and which loader a model gets.

A family wraps stock diffusers pipelines. It knows nothing of sessions, chunks or processes: the
engine asks it for one window of frames at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from matinee.errors import ModelUnavailable
from matinee.generation import ModelInfo, SegmentRequest
from matinee.weights.pipelines import FAMILY_OF_PIPELINE

if TYPE_CHECKING:
    import torch

    from matinee.weights.model_folder import ModelFolder

__all__ = ["Family", "Loader", "Sampler", "loader_of"]


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


class Family(Protocol):
    """A loaded model."""

    @property
    def info(self) -> ModelInfo: ...

    def sampler(self, request: SegmentRequest) -> Sampler: ...


Loader = Callable[["ModelFolder", str, "torch.device", "torch.dtype"], Family]
"""folder, model id, device, dtype -> loaded model, or `ModelUnavailable`."""


def loader_of(folder: ModelFolder, family: str | None) -> Loader:
    """The loader of `family`, or else of the one that the model's own files name."""
    name = family or folder.settings.family or FAMILY_OF_PIPELINE.get(folder.pipeline_class)
    if name == "ltx":
        from matinee.engine.families.ltx import load

        return load
    known = ", ".join(sorted(FAMILY_OF_PIPELINE))
    raise ModelUnavailable(
        f"{folder.path}: no family runs {name or folder.pipeline_class}; "
        f"pipelines that can be run: {known}"
    )
