"""A video diffusion model as a live service, and as a Python library.

The names below are loaded when they are first used: `import matinee` alone loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matinee.local.events import VideoFinalEvent, VideoPartialEvent, VideoProgressEvent
    from matinee.local.generator import VideoGenerator
    from matinee.local.streaming import StreamingVideoGenerator

__all__ = [
    "StreamingVideoGenerator",
    "VideoFinalEvent",
    "VideoGenerator",
    "VideoPartialEvent",
    "VideoProgressEvent",
]
_MODULES = {"StreamingVideoGenerator": "streaming", "VideoGenerator": "generator"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"matinee.local.{_MODULES.get(name, 'events')}")
    except ModuleNotFoundError as error:
        from matinee_api.extras import remedy

        says = remedy(error, f"matinee.{name}", "runtime")
        raise ModuleNotFoundError(says, name=error.name) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
