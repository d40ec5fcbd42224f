from __future__ import annotations

import base64
import dataclasses
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from matinee.generation import State
from matinee.session.opening import Rejection, brought_state, parse_init
from matinee.state.last_frames import LastFrames
from matinee_api.config.runtime_config import LimitsConfig
from tests.unit.runtime.session.making import INFO, init_of, state_of, wire_of

RED = (200, 30, 20)


def encoded(image_format: str = "PNG", size: tuple[int, int] = (64, 64)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, RED).save(file, image_format)
    return base64.b64encode(file.getvalue()).decode()


def brought(limits: dict[str, Any] | None = None, **fields: Any) -> State | None:
    return brought_state(init_of(**fields), INFO, INFO.defaults, LimitsConfig(**(limits or {})))


def rejected(limits: dict[str, Any] | None = None, **fields: Any) -> Rejection:
    with pytest.raises(Rejection) as caught:
        brought(limits, **fields)
    return caught.value


# The message


@pytest.mark.parametrize(
    ("text", "param"),
    [
        (None, None),
        ("not json", None),
        ("{}", "type"),
        ('{"type":"session_init_v2","seed":-1}', "seed"),
        ('{"type":"session_init_v2","resume":{}}', "resume"),
        ('{"type":"session_init_v2","adapters":[{"name":"a"}]}', "adapters"),
        ('{"type":"session_init_v2","mode":"live"}', "mode"),
    ],
)
def test_a_wrong_first_message_is_refused_with_1003(text: str | None, param: str | None) -> None:
    with pytest.raises(Rejection) as caught:
        parse_init(text, ())
    rejection = caught.value
    assert (rejection.code, rejection.text) == (1003, "invalid_init")
    assert (rejection.error.code, rejection.error.retryable) == ("invalid_message", False)
    assert rejection.error.param == param


def test_another_message_first_is_told_what_is_expected() -> None:
    with pytest.raises(Rejection) as caught:
        parse_init('{"type":"snapshot_state"}', ())
    assert caught.value.text == "expected_session_init_v2"
    assert caught.value.code == 1003


def test_a_feature_that_is_missing_is_named() -> None:
    with pytest.raises(Rejection) as caught:
        parse_init('{"type":"session_init_v2","mode":"live"}', ())
    assert caught.value.error.message == "live mode is not available on this server"


@pytest.mark.parametrize(
    ("presets", "preset", "accepted"),
    [
        ((), "their own", True),
        ((), None, True),
        (("fast", "fine"), "fine", True),
        (("fast", "fine"), None, True),
        (("fast", "fine"), "finest", False),
        (("fast", "fine"), "", False),
    ],
)
def test_presets_bind_where_there_are_some(
    presets: tuple[str, ...], preset: str | None, accepted: bool
) -> None:
    text = json.dumps({"type": "session_init_v2", "preset": preset})
    if accepted:
        assert parse_init(text, presets).preset == preset
        return
    with pytest.raises(Rejection) as caught:
        parse_init(text, presets)
    assert (caught.value.error.code, caught.value.code) == ("preset_mismatch", 1003)
    assert "fast, fine" in caught.value.error.message


# What it brings


def test_most_sessions_bring_nothing() -> None:
    assert brought() is None


@pytest.mark.parametrize(
    ("mime", "image_format"),
    [
        ("image/png", "PNG"),
        ("image/jpeg", "JPEG"),
        ("image/jpg", "JPEG"),
        ("image/webp", "WEBP"),
    ],
)
def test_an_image_becomes_the_first_frame(mime: str, image_format: str) -> None:
    state = brought(initial_image={"mime": mime, "data": encoded(image_format)})
    assert state is not None
    assert state.kind == INFO.state_kind
    frames = LastFrames.of(state).frames
    assert frames.shape == (1, 32, 32, 3)
    assert np.abs(frames[0, 16, 16].astype(int) - RED).max() < 12


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ({"mime": "image/png", "data": ""}, "cannot be read as PNG"),
        ({"mime": "image/png", "data": "!!!"}, "not base64"),
        ({"mime": "image/png", "data": "AAA"}, "not base64"),
        ({"mime": "image/png", "data": "é"}, "not base64"),
        ({"mime": "image/png", "data": "AA\nAA"}, "not base64"),
        ({"mime": "image/png", "data": "data:image/png;base64,AAAA"}, "not base64"),
        ({"mime": "image/png", "data": encoded("JPEG")}, "cannot be read as PNG"),
        ({"mime": "image/png", "data": encoded()[:80]}, "damaged or cut short"),
        ({"mime": "image/gif", "data": encoded("GIF")}, "'image/gif' is not supported"),
        ({"mime": "", "data": encoded()}, "not supported"),
    ],
)
def test_a_wrong_image_is_refused(image: dict[str, Any], says: str) -> None:
    rejection = rejected(initial_image=image)
    assert says in rejection.error.message
    assert rejection.code == 1003
    assert str(rejection.error.param).startswith("initial_image")


@pytest.mark.parametrize("too_many", [1, 2, 3, 1000])
def test_an_image_of_more_bytes_than_allowed_is_refused(too_many: int) -> None:
    data = base64.b64encode(bytes(1024 + too_many)).decode()
    rejection = rejected(
        {"initial_image_bytes": 1024}, initial_image={"mime": "image/png", "data": data}
    )
    assert rejection.error.message == "the image is larger than 1024 bytes"


def test_an_image_of_more_pixels_than_allowed_is_refused() -> None:
    rejection = rejected(
        {"initial_image_pixels": 4095}, initial_image={"mime": "image/png", "data": encoded()}
    )
    assert "64x64 pixels; at most 4095" in rejection.error.message


def test_a_state_comes_back_as_it_left() -> None:
    left = LastFrames(np.zeros((3, 32, 32, 3), np.uint8), 2, 5, ("a", "b")).to_state("ltx.v1")
    state = brought(continuation_state=wire_of(left))
    assert state is not None
    assert state.facts == left.facts
    assert np.array_equal(state.tensors["frames"], left.tensors["frames"])


def test_a_state_of_another_size_is_told_both_sizes() -> None:
    rejection = rejected(continuation_state=wire_of(state_of(1, width=64, height=48)))
    assert "64x48" in rejection.error.message
    assert "32x32" in rejection.error.message
    assert rejection.error.param == "continuation_state"


def test_a_state_of_another_kind_is_refused() -> None:
    wire = wire_of(state_of(1))
    assert "unknown kind" in rejected(continuation_state={**wire, "kind": "x"}).error.message
    other = dataclasses.replace(INFO, state_kind="another")
    with pytest.raises(Rejection, match="this model takes 'another'"):
        brought_state(init_of(continuation_state=wire), other, INFO.defaults, LimitsConfig())


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"schema_version": 2},
        {str(number): number for number in range(100)},
        {"schema_version": float("inf")},
    ],
)
def test_a_malformed_state_is_refused(payload: dict[str, Any]) -> None:
    rejection = rejected(continuation_state={"kind": "ltx.v1", "payload": payload})
    assert rejection.error.message.startswith("payload")
    assert len(rejection.error.message) < 300


def test_an_image_and_a_state_together_are_refused() -> None:
    rejection = rejected(
        initial_image={"mime": "image/png", "data": encoded()},
        continuation_state=wire_of(state_of(1)),
    )
    assert "not both" in rejection.error.message
