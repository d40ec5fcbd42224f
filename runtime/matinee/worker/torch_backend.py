"""The real backend: `matinee.engine` on torch. Imported by name, in the worker process only."""

from __future__ import annotations

import gc

import torch

from matinee.engine.colour import rgb_to_i420
from matinee.engine.engine import Engine
from matinee.engine.library_logs import log_through_root
from matinee_api.config.runtime_config import GeneratorConfig

__all__ = ["load", "recover", "rgb_to_i420"]


def load(generator: GeneratorConfig) -> Engine:
    log_through_root()
    return Engine.load(generator)


def recover(error: Exception) -> bool:
    """A CUDA error (unlike running out of memory) spoils the process's context for good. Libraries
    such as cuDNN report it under another name, so the device is asked."""
    if isinstance(error, torch.AcceleratorError):
        return False
    gc.collect()  # the failed run's tensors hang on cycles through the traceback
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        return _computes("cuda")
    return True


def _computes(device: str) -> bool:
    try:
        return int(torch.ones(2, device=device).sum().item()) == 2
    except RuntimeError:
        return False
