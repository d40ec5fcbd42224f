"""What a model family must answer, and which loader a model gets.

A family wraps stock diffusers pipelines. It knows nothing of sessions or processes: the engine
gives it a request and the state before, and asks for one chunk after the other. Everything that
`tests/system/engine/conformance.py` asks of a family, it must do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from matinee.errors import ModelUnavailable
from matinee.generation import Chunk, ModelInfo, SegmentRequest, State, StepProgress
from matinee.serving.uncollected import uncollected
from matinee_api.families import FAMILIES, FAMILY_OF_PIPELINE

if TYPE_CHECKING:
    import torch

    from matinee.weights.model_folder import ModelFolder

__all__ = ["Family", "Loader", "Run", "loader_of"]


class Run(Protocol):
    """One segment in the making. What a pipeline changes while it runs (scheduler, caches, noise)
    belongs to its run, so that runs of one family can take turns at chunk edges."""

    @property
    def total_steps(self) -> int:
        """Denoising steps of all chunks."""
        ...

    @property
    def finished(self) -> bool: ...

    def next_chunk(self, on_step: Callable[[StepProgress], None]) -> Chunk:
        """Make the next chunk.

        `on_step` is called after every denoising step, once the device has finished it; what it
        raises (`GenerationCancelled`) comes out at once, before frames are decoded. A chunk that
        was not made, for that or any other error, can be made again.
        """
        ...

    def state(self) -> State:
        """What the next segment goes on from: the chunks made so far, of which there is one. Its
        tensors are not written to afterwards."""
        ...


class Family(Protocol):
    """A loaded model."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def modules(self) -> Sequence[torch.nn.Module]:
        """Of which it computes."""
        ...

    def characters_read(self, prompt: str) -> int:
        """Of a prompt, from the first on: all, where `info.prompt_tokens` is None."""
        ...

    def begin(self, request: SegmentRequest, state: State | None) -> Run:
        """Raises `InvalidState` for a state of its kind that does not fit; computes nothing. The
        chunks depend on the request and the state alone."""
        ...


Loader = Callable[["ModelFolder", str, "torch.device", "torch.dtype"], Family]
"""folder, model id, device, dtype -> loaded model, or `ModelUnavailable`."""


def loader_of(folder: ModelFolder, family: str | None) -> Loader:
    """The loader of `family`, or else of the one that the model's own files name: the function
    `load` of the module that is called like the family."""
    name = family or folder.settings.family or FAMILY_OF_PIPELINE.get(folder.pipeline_class)
    if name in {row.name for row in FAMILIES}:
        with uncollected():
            loader: Loader = importlib.import_module(f"{__name__}.{name}").load
        return loader
    known = ", ".join(sorted(FAMILY_OF_PIPELINE))
    raise ModelUnavailable(
        f"{folder.path}: no family runs {name or folder.pipeline_class}; pipelines that can be "
        f"run: {known}; the family clip, if it is named, tries others of diffusers"
    )
