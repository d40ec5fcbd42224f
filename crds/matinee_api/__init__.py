"""Matinee's API: the resources, the runtime's configuration, and the pure functions between them.

Both programs import this package and share nothing else. It needs pydantic (and PyYAML to read
files) and knows neither Kubernetes' client nor torch. The names below are loaded when they are
first used: programs heed signals before they load anything.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matinee_api.config.errors import ConfigError, Problem

__all__ = ["ConfigError", "Problem"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("matinee_api.config.errors"), name)
