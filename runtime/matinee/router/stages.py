"""How far a viewer's connection is."""

from __future__ import annotations

from enum import Enum, auto


class Stage(Enum):
    SHAKING = auto()
    QUEUED = auto()
    SPLICED = auto()
    MOVING = auto()  # from a backend that was lost to another one
    OVER = auto()
