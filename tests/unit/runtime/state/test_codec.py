from __future__ import annotations

import base64
import dataclasses
import io
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from matinee.errors import InvalidState
from matinee.generation import ContinuationState
from matinee.state.codec import MAX_FRAMES, MAX_PROMPTS, state_from_wire, state_to_wire

STATE = ContinuationState(
    kind="ltx.v1",
    frames=np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8),
    segment_index=2,
    seed=2**63 - 1,
    prompts=("a red ball", "ein blauer Würfel"),
)


def wire(**changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = state_to_wire(STATE)["payload"]
    return {**payload, **changes}


def png(width: int, height: int, mode: str = "RGB") -> str:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_a_state_survives_the_wire_unchanged() -> None:
    sent = json.loads(json.dumps(state_to_wire(STATE)))
    received = state_from_wire(sent["kind"], sent["payload"])
    assert np.array_equal(STATE.frames, received.frames)
    assert dataclasses.replace(received, frames=STATE.frames).prompts == STATE.prompts
    assert (received.kind, received.segment_index, received.seed) == ("ltx.v1", 2, 2**63 - 1)


def test_the_wire_form_names_its_kind_and_version() -> None:
    sent = state_to_wire(STATE)
    assert sent["kind"] == "ltx.v1"
    assert sorted(sent["payload"]) == [
        "frames_b64",
        "height",
        "prompts",
        "schema_version",
        "seed",
        "segment_index",
        "width",
    ]


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(InvalidState, match=r"unknown kind 'wan.v9'; known: ltx.v1"):
        state_from_wire("wan.v9", wire())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "payload.schema_version: expected at most 1; got 2"),
        ({"schema_version": True}, "payload.schema_version: expected a whole number; got true"),
        ({"colour": "red"}, "payload.colour: unknown key"),
        ({"width": "64"}, 'payload.width: expected a whole number; got "64"'),
        ({"width": 0}, "payload.width: expected at least 1; got 0"),
        ({"width": 4096, "height": 4096}, "at most 2088960 pixels"),
        ({"frames_b64": []}, "payload.frames_b64: .*at least 1"),
        ({"frames_b64": [""] * (MAX_FRAMES + 1)}, "payload.frames_b64: .*at most 33"),
        ({"frames_b64": [7]}, "payload.frames_b64.0: expected text; got 7"),
        ({"frames_b64": ["%%%"]}, "payload.frames_b64.0: this is not base64"),
        ({"frames_b64": ["ü"]}, "payload.frames_b64.0: this is not base64"),
        ({"frames_b64": [png(64, 32)[:60]]}, "payload.frames_b64.0: this is not a whole PNG"),
        ({"frames_b64": [png(64, 32)[:-48]]}, "payload.frames_b64.0: this is not a whole PNG"),
        ({"frames_b64": [png(64, 32), png(64, 64)]}, "payload.frames_b64.1: .* RGB image of 64x32"),
        ({"frames_b64": [png(64, 32, "RGBA")]}, "payload.frames_b64.0: .* RGB image of 64x32"),
        ({"frames_b64": [png(20000, 20000, "1")]}, "payload.frames_b64.0: "),
        ({"segment_index": -1}, "payload.segment_index: expected at least 0; got -1"),
        ({"seed": 2**63}, "payload.seed: expected at most 9223372036854775807"),
        ({"seed": 1.5}, "payload.seed: expected a whole number; got 1.5"),
        ({"prompts": "a red ball"}, "payload.prompts: expected a list"),
        ({"prompts": [""] * (MAX_PROMPTS + 1)}, "payload.prompts: .*at most 64"),
    ],
)
def test_a_payload_that_is_wrong_is_refused_with_the_place(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidState, match=message):
        state_from_wire("ltx.v1", wire(**changes))


def test_a_missing_key_is_named() -> None:
    payload = wire()
    del payload["seed"]
    with pytest.raises(InvalidState, match=r"payload.seed: required, but missing"):
        state_from_wire("ltx.v1", payload)


def test_torch_is_not_needed() -> None:
    code = "import sys, matinee.state.codec; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
