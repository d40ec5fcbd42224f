"""The door to a loaded model: find, check and load it; begin segments, made one chunk at a time.

    engine = Engine.load(config)
    run = engine.begin(request, state)
    while not run.finished:
        chunk = run.next_chunk(on_step)
    state = run.state()

Runs of one engine may take turns at chunk edges: their chunks are those they would make alone. An
engine is for one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch

from matinee.engine.families import Family, Run, loader_of
from matinee.engine.fitting import check_fits
from matinee.engine.parts import tell_parts
from matinee.errors import ModelUnavailable
from matinee.generation import (
    ModelInfo,
    SegmentRequest,
    State,
    check_request,
    notes_on,
    prompts_of,
)
from matinee.state.codec import check_kind, check_start, state_of_image
from matinee.weights.local_folder import default_model_id, model_folder_of
from matinee.weights.model_folder import inspect_folder
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig

Dtype = Literal["auto", "float32", "bfloat16", "float16"] | torch.dtype
"""Of the weights in memory, by name or torch's own."""


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
        load, dtype = loader_of(folder, config.family), _dtype(config.engine, device)
        check_fits(folder, device, dtype)
        model_id = config.model_id or default_model_id(config.model_path)
        return cls(load(folder, model_id, device, dtype))

    @property
    def info(self) -> ModelInfo:
        return self._family.info

    def begin(self, request: SegmentRequest, state: State | None = None) -> Run:
        """Check the request (`InvalidRequest`) and the state (`InvalidState`); compute nothing."""
        check_request(self.info, request, begins=state is None)
        if state is not None:
            check_kind(self.info, state.kind)
        check_start(self.info, state)
        return self._family.begin(request, state)

    def characters_read(self, prompt: str) -> int:
        """From the first on; as many as there are of a prompt that fits."""
        return self._family.characters_read(prompt)

    def notes_on(self, request: SegmentRequest) -> tuple[str, ...]:
        """What of it has no effect, in sentences."""
        read = tuple(map(self.characters_read, prompts_of(request)))
        return notes_on(self.info, request, read)

    def trial_opening(self) -> State | None:
        """Grey, for a model that cannot begin from a prompt alone."""
        if "text" in self.info.capabilities:
            return None
        size = (self.info.defaults.height, self.info.defaults.width, 3)
        return state_of_image(self.info, np.full(size, 128, np.uint8))

    def on_part_done(self, tell: Callable[[], None]) -> None:
        """Call `tell` after every block of the model, from the thread that computes, for as long as
        the engine lives."""
        tell_parts(self._family.modules, tell)


def free_memory() -> None:
    """Give back what models that are gone held on the GPU. Does nothing where none was used."""
    torch.cuda.empty_cache()


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
