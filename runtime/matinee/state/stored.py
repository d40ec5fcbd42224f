"""A state of any kind as JSON and blobs: what a store keeps.

Tensors are kept as they are, in blobs of bounded size that share the arrays' memory: this costs
nothing, where PNG takes 50 to 250 ms of a CPU for nine frames of 704x480 and saves less than half
of the bytes of a noisy picture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matinee.errors import InvalidState
from matinee.generation import State

_NUMBERS = re.compile(r"[<>|][biufc]\d{1,2}")


@dataclass(frozen=True, slots=True)
class StoredState:
    """`facts`: ready for `json.dumps`."""

    facts: dict[str, Any]
    blobs: dict[str, memoryview]


def to_stored(state: State, max_blob_bytes: int) -> StoredState:
    """An array that is not contiguous is copied: call it in a thread."""
    tensors = []
    blobs: dict[str, memoryview] = {}
    for name, tensor in state.tensors.items():
        tensors.append([name, tensor.dtype.str, list(tensor.shape)])
        contents = np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data
        for index, start in enumerate(range(0, len(contents), max_blob_bytes)):
            blobs[f"{name}.{index}"] = contents[start : start + max_blob_bytes]
    return StoredState({"kind": state.kind, "facts": dict(state.facts), "tensors": tensors}, blobs)


def from_stored(facts: Mapping[str, Any], blobs: Mapping[str, bytes | memoryview]) -> State:
    """What `to_stored` was given, bit for bit. Slow: call it in a thread.

    Raises:
        InvalidState: another version wrote it.
    """
    try:
        tensors = {
            str(name): _tensor(name, _dtype(dtype), tuple(shape), blobs)
            for name, dtype, shape in facts["tensors"]
        }
        return State(str(facts["kind"]), tensors, dict(facts["facts"]))
    except (LookupError, TypeError, ValueError) as error:
        raise InvalidState(f"the stored state cannot be read: {error}") from error


def _dtype(text: Any) -> np.dtype[Any]:
    """Of plain numbers: numpy reads a small language, and evaluates some of it."""
    if not isinstance(text, str) or not _NUMBERS.fullmatch(text):
        raise ValueError("a tensor is not of numbers")
    return np.dtype(text)


def _tensor(
    name: str, dtype: np.dtype[Any], shape: tuple[int, ...], blobs: Mapping[str, bytes | memoryview]
) -> npt.NDArray[np.generic]:
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError(f"{name} is no tensor")
    there = sum(len(blob) for place, blob in blobs.items() if place.rpartition(".")[0] == name)
    if dtype.itemsize * math.prod(shape) != there:  # before any memory is taken
        raise ValueError(f"{name} has {there} bytes, which are not its shape's")
    tensor = np.empty(shape, dtype)
    contents = tensor.reshape(-1).view(np.uint8)
    filled = index = 0
    while filled < len(contents):
        blob = np.frombuffer(blobs[f"{name}.{index}"], np.uint8)
        contents[filled : filled + len(blob)] = blob  # raises ValueError when it is too long
        filled, index = filled + len(blob), index + 1
    return tensor
