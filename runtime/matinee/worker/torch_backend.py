"""The real backend: `matinee.engine` on torch. Imported by name, in the worker process only."""

from __future__ import annotations

import gc

import torch

from matinee.engine.colour import rgb_to_i420
from matinee.engine.engine import Engine

__all__ = ["load", "recover", "rgb_to_i420"]

load = Engine.load


def recover(error: Exception) -> bool:
    """A CUDA error (unlike running out of memory) spoils the process's context for good."""
    if isinstance(error, torch.AcceleratorError):
        return False
    gc.collect()  # the failed run's tensors hang on cycles through the traceback
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return True
