from __future__ import annotations

import base64
import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from matinee.errors import BadInput, InvalidRequest
from matinee.generation import State
from matinee.session.baggage import packed_baggage
from matinee.state.last_frames import LastFrames
from matinee_api.config.runtime_config import LimitsConfig
from tests.unit.runtime.session.making import INFO, init_of, state_of, wire_of
from tests.unit.runtime.state.unpacking import unpacked

RED = (200, 30, 20)


def encoded(image_format: str = "PNG", size: tuple[int, int] = (64, 64)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, RED).save(file, image_format)
    return base64.b64encode(file.getvalue()).decode()


def brought(limits: dict[str, Any] | None = None, **fields: Any) -> State | None:
    bounds = LimitsConfig(**(limits or {}))
    packed = packed_baggage(init_of(**fields), INFO, INFO.defaults, bounds)
    return None if packed is None else unpacked(packed)


def rejected(limits: dict[str, Any] | None = None, **fields: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        brought(limits, **fields)
    return caught.value


def test_most_sessions_bring_nothing() -> None:
    assert brought() is None


def test_what_the_model_cannot_begin_with_is_refused_before_it_is_looked_at() -> None:
    image = {"mime": "image/png", "data": "not even base64"}
    text_only = dataclasses.replace(INFO, capabilities=("text",))
    with pytest.raises(InvalidRequest, match="initial_image cannot be taken: fake makes a video f"):
        packed_baggage(init_of(initial_image=image), text_only, INFO.defaults, LimitsConfig())
    image_only = dataclasses.replace(INFO, capabilities=("image", "continuation"))
    with pytest.raises(InvalidRequest, match="initial_image is needed: fake makes a video whose"):
        packed_baggage(init_of(), image_only, INFO.defaults, LimitsConfig())


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


URL = "data:image/png;base64," + encoded()


@pytest.mark.parametrize(
    "image",
    [
        {"mime": "image/png", "data": encoded()},
        {"data_url": URL, "mime_type": "image/png"},
        {"data_url": URL},
        {"mime": "image/png", "data": URL},
        {"data_url": encoded(), "mime_type": "image/png"},
        {"data_url": URL.replace("image/png;", "IMAGE/PNG;name=a.png;"), "name": "a.png"},
        {"data_url": URL, "mime_type": "image/jpeg"},
        {"data_url": URL.replace("data:image/png;base64", "Data:image/png;BASE64")},
        {"data_url": URL, "mime_type": None, "mime": None},
        {"mime": "IMAGE/PNG; charset=binary", "data": encoded()},
        URL,
    ],
)
def test_an_image_comes_as_base64_or_as_a_data_url(image: Any) -> None:
    state = brought(initial_image=image)
    assert state is not None
    assert (LastFrames.of(state).frames == RED).all()


@pytest.mark.parametrize("image", [None, {}, {"mime": None, "name": None, "data": None}])
def test_an_empty_image_is_none(image: Any) -> None:
    assert brought(initial_image=image) is None


def test_a_jpeg_may_be_called_a_jpg() -> None:
    assert brought(initial_image={"mime": "image/jpg", "data": encoded("JPEG")}) is not None


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ({"mime": "image/png", "data": ""}, "cannot be read as PNG"),
        ({"mime": "image/png", "data": "!!!"}, "not base64"),
        ({"mime": "image/png", "data": "AAA"}, "not base64"),
        ({"mime": "image/png", "data": "é"}, "not base64"),
        ({"mime": "image/png", "data": "AA\nAA"}, "not base64"),
        ({"mime": "image/png", "data": "data:image/png;base64,AAAA"}, "cannot be read as PNG"),
        ({"mime": "image/png", "data": "data:image/png,AAAA"}, "not base64"),
        ({"data_url": "data:" + "a" * 1000, "mime_type": "image/png"}, "not base64"),
        ({"data_url": "data:image/gif;base64," + encoded("GIF")}, "'image/gif' is not supported"),
        ({"mime": "image/png", "data": encoded("JPEG")}, "cannot be read as PNG"),
        ({"mime": "image/png", "data": encoded()[:80]}, "damaged or cut short"),
        ({"mime": "image/gif", "data": encoded("GIF")}, "'image/gif' is not supported"),
        ({"mime": "", "data": encoded()}, "not supported"),
    ],
)
def test_a_wrong_image_is_refused(image: dict[str, Any], says: str) -> None:
    rejection = rejected(initial_image=image)
    assert says in str(rejection)
    assert rejection.param.startswith("initial_image")


@pytest.mark.parametrize("too_many", [1, 2, 3, 1000])
def test_an_image_of_more_bytes_than_allowed_is_refused(too_many: int) -> None:
    data = base64.b64encode(bytes(1024 + too_many)).decode()
    rejection = rejected(
        {"initial_image_bytes": 1024}, initial_image={"mime": "image/png", "data": data}
    )
    assert str(rejection) == "the image is larger than 1024 bytes"


def test_an_image_of_more_pixels_than_allowed_is_refused() -> None:
    rejection = rejected(
        {"initial_image_pixels": 4095}, initial_image={"mime": "image/png", "data": encoded()}
    )
    assert "64x64 pixels; at most 4095" in str(rejection)


def test_a_state_comes_back_as_it_left() -> None:
    left = LastFrames(np.zeros((3, 32, 32, 3), np.uint8), 2, 5, ("a", "b")).to_state("ltx.v1")
    state = brought(continuation_state=wire_of(left))
    assert state is not None
    assert state.facts == left.facts
    assert np.array_equal(state.tensors["frames"], left.tensors["frames"])


def test_a_state_of_another_size_is_told_both_sizes() -> None:
    rejection = rejected(continuation_state=wire_of(state_of(1, width=64, height=48)))
    assert "64x48" in str(rejection)
    assert "32x32" in str(rejection)
    assert rejection.param == "continuation_state"


def test_a_state_of_another_kind_is_refused() -> None:
    wire = wire_of(state_of(1))
    assert "unknown kind" in str(rejected(continuation_state={**wire, "kind": "x"}))
    other = dataclasses.replace(INFO, state_kind="another")
    with pytest.raises(BadInput, match="this model takes 'another'"):
        packed_baggage(init_of(continuation_state=wire), other, INFO.defaults, LimitsConfig())


def test_a_state_of_more_frames_than_the_model_goes_on_from_is_refused() -> None:
    """Before any of them is decoded: they may be a few bytes each, and gigabytes together."""
    most = INFO.overlap_frames
    assert brought(continuation_state=wire_of(state_of(most))) is not None
    rejection = rejected(continuation_state=wire_of(state_of(most + 1)))
    assert str(rejection) == (
        "the state has 10 frames; this model goes on from the last 9, send no more"
    )


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
    assert str(rejection).startswith("payload")
    assert len(str(rejection)) < 300


def test_an_image_and_a_state_together_are_refused() -> None:
    rejection = rejected(
        initial_image={"mime": "image/png", "data": encoded()},
        continuation_state=wire_of(state_of(1)),
    )
    assert "not both" in str(rejection)
