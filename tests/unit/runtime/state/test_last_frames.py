from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from matinee.errors import InvalidState
from matinee.generation import State
from matinee.state.last_frames import MAX_FRAMES, MAX_PROMPTS, LastFrames, SoundTail
from tests.unit.runtime.session.making import wire_of
from tests.unit.runtime.state.unpacking import state_from_wire

STATE = LastFrames(
    frames=np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), np.uint8),
    segment_index=2,
    seed=2**63 - 1,
    prompts=("a red ball", "ein blauer Würfel"),
).to_state("ltx.v1")
SAVED: dict[str, Any] = {
    "kind": "ltx.v1",
    "payload": {
        "schema_version": 1,
        "width": 4,
        "height": 2,
        "frames_b64": [
            "iVBORw0KGgoAAAANSUhEUgAAAAQAAAACCAIAAADwyuo0AAAAFUlEQVR4AWNkYGRihgEWHh4eGJsZAASnAGMIlJfu"
            "AAAAAElFTkSuQmCC",
            "iVBORw0KGgoAAAANSUhEUgAAAAQAAAACCAIAAADwyuo0AAAAFUlEQVR4AWOUkJRihgEWHh4eGJsZAAtnAKtuR3LF"
            "AAAAAElFTkSuQmCC",
        ],
        "segment_index": 2,
        "seed": 7,
        "prompts": ["a red ball"],
    },
}


def wire(**changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = wire_of(STATE)["payload"]
    return {**payload, **changes}


def png(width: int, height: int, mode: str = "RGB") -> str:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_a_state_survives_the_wire_unchanged() -> None:
    sent = wire_of(STATE)
    received = state_from_wire(sent["kind"], sent["payload"])
    assert np.array_equal(STATE.tensors["frames"], received.tensors["frames"])
    assert (received.kind, received.facts) == (STATE.kind, STATE.facts)


def test_a_state_that_the_first_release_saved_still_loads() -> None:
    received = state_from_wire(SAVED["kind"], SAVED["payload"])
    frames = np.arange(2 * 2 * 4 * 3, dtype=np.uint8).reshape(2, 2, 4, 3)
    assert np.array_equal(received.tensors["frames"], frames)
    assert received.facts == {"segment_index": 2, "seed": 7, "prompts": ["a red ball"]}


def test_the_wire_form_names_its_kind_and_version() -> None:
    sent = wire_of(STATE)
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


MEL = np.random.default_rng(0).normal(size=(2, 41, 8)).astype(np.float32)
SINGING = LastFrames(
    frames=np.zeros((2, 32, 64, 3), np.uint8), segment_index=1, sound=SoundTail(MEL, -1_667)
).to_state("ltx2.v1")


def singing(**changes: Any) -> dict[str, Any]:
    return {**wire_of(SINGING)["payload"], **changes}


def test_the_end_of_the_sound_survives_the_wire_bit_for_bit() -> None:
    received = LastFrames.of(state_from_wire("ltx2.v1", singing())).sound
    assert received is not None
    assert received.mel.tobytes() == MEL.tobytes()
    assert (received.mel.shape, received.shift_us) == (MEL.shape, -1_667)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sound_b64": "%%%"}, "payload.sound_b64: this is not sound"),
        ({"sound_b64": "AAAA"}, "payload.sound_b64: this is not sound"),
        ({"sound_shape": [2, 41, 9]}, "payload.sound_b64: this is not sound"),
        ({"sound_shape": [-2, 41, -8]}, "must be float32 of shape"),
        ({"sound_shape": [2**70, 0, 1]}, "must be float32 of shape"),
        ({"sound_shape": [2**70, 1, 1]}, "payload.sound_b64: this is not sound"),
        ({"sound_shape": []}, "payload.sound_b64: this is not sound"),
        ({"sound_shape": [656]}, "must be float32 of shape"),
        ({"sound_shape": ["a"]}, "payload.sound_shape.0: expected a whole number"),
        ({"sound_shift_us": 10**9}, "payload.sound_shift_us: expected at most 100000"),
        ({"sound_shift_us": None}, "belong together"),
        ({"sound_b64": None}, "belong together"),
        ({"sound_b64": "A" * 2**21}, "payload.sound_b64: .*characters"),
    ],
)
def test_sound_that_is_none_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidState, match=message):
        state_from_wire("ltx2.v1", singing(**changes))


def test_a_kind_without_sound_takes_none() -> None:
    with pytest.raises(InvalidState, match=r"'ltx\.v1' holds no sound"):
        state_from_wire("ltx.v1", singing())


def test_a_missing_key_is_named() -> None:
    payload = wire()
    del payload["seed"]
    with pytest.raises(InvalidState, match=r"payload.seed: required, but missing"):
        state_from_wire("ltx.v1", payload)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((9, 32, 32, 3), np.float32),
        np.zeros((9, 32, 32, 1), np.uint8),
        np.zeros((0, 32, 32, 3), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
    ],
)
def test_only_rgb_frames_are_taken(frames: np.ndarray) -> None:
    with pytest.raises(InvalidState, match="must be uint8 of shape"):
        LastFrames.of(State("ltx.v1", {"frames": frames}, STATE.facts))
