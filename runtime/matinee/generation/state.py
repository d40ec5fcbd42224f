"""What the next segment needs to go on without a seam: the family's own, and opaque to others.

A state crosses processes, sockets and stores. Who wants to know something about it asks its
kind's codec (`matinee.state`), never its fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """`kind`: the family's word for this form and its version. `tensors`: named arrays, on the CPU.
    `facts`: small JSON values."""

    kind: str
    tensors: Mapping[str, npt.NDArray[np.generic]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Of the tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


@dataclass(frozen=True, slots=True)
class StateSummary:
    """What every kind of state can tell. `known_frames`: as in `plan_chunks`."""

    width: int
    height: int
    known_frames: int
    segment_index: int
    seed: int
