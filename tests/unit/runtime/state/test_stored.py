from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from matinee.errors import InvalidState
from matinee.generation import State
from matinee.state.stored import from_stored, to_stored

RANDOM = np.random.default_rng(0)
FRAMES = RANDOM.integers(0, 256, (3, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("tensors", "names"),
    [
        ({}, []),
        ({"frames": FRAMES}, ["frames.0", "frames.1"]),
        ({"frames": FRAMES[:, ::2]}, ["frames.0"]),
        ({"latents": RANDOM.standard_normal((2, 3)).astype(np.float16)}, ["latents.0"]),
        ({"a": np.arange(3, dtype=">i8"), "b": np.array(7.5)}, ["a.0", "b.0"]),
        ({"none": np.empty((0, 4), np.float32)}, []),
    ],
)
def test_a_state_of_any_kind_survives_bit_for_bit(
    tensors: dict[str, Any], names: list[str]
) -> None:
    facts = {"segment_index": 2, "prompts": ["ein Ball ☃"]}
    stored = to_stored(State("any.v1", tensors, facts), max_blob_bytes=400)
    assert list(stored.blobs) == names
    assert all(len(blob) <= 400 for blob in stored.blobs.values())

    blobs = {name: bytes(blob) for name, blob in stored.blobs.items()}
    state = from_stored(json.loads(json.dumps(stored.facts)), blobs)
    assert (state.kind, state.facts) == ("any.v1", facts)
    assert list(state.tensors) == list(tensors)
    for name, tensor in tensors.items():
        assert state.tensors[name].dtype == tensor.dtype
        assert np.array_equal(state.tensors[name], tensor)


def test_what_is_contiguous_is_not_copied() -> None:
    stored = to_stored(State("any.v1", {"frames": FRAMES}), 400)
    assert np.shares_memory(np.frombuffer(stored.blobs["frames.1"], np.uint8), FRAMES)


GOOD: dict[str, Any] = {"kind": "any.v1", "facts": {}, "tensors": [["a", "|u1", [2, 3]]]}


@pytest.mark.parametrize(
    ("facts", "blobs"),
    [
        ({}, {}),
        (GOOD, {}),
        (GOOD, {"a.0": b"12345"}),
        (GOOD, {"a.0": b"1234567"}),
        ({**GOOD, "facts": 3}, {"a.0": b"123456"}),
        ({**GOOD, "tensors": [["a", "|O", [1]]]}, {"a.0": b"12345678"}),
        ({**GOOD, "tensors": [["a", "nonsense", [1]]]}, {"a.0": b"1"}),
        ({**GOOD, "tensors": [["a", "|u1", [-1]]]}, {"a.0": b"1"}),
        ({**GOOD, "tensors": [["a", "|u1"]]}, {"a.0": b"1"}),
        ({**GOOD, "tensors": [["a", "|u1", [2**40]]]}, {"a.0": b"1"}),
        ({**GOOD, "tensors": [["a", "|V1000000000000", [1]]]}, {"a.0": b"1"}),
        ({**GOOD, "tensors": [["a", "|u1", [10**400, 0]]]}, {"a.0": b"1"}),
    ],
)
def test_what_another_version_wrote_is_refused(
    facts: dict[str, Any], blobs: dict[str, bytes]
) -> None:
    with pytest.raises(InvalidState, match="the stored state cannot be read"):
        from_stored(facts, blobs)
