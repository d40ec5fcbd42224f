from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from matinee.errors import InvalidRequest
from matinee.jobs.fields import MissingField, UnknownField
from matinee.jobs.orders import (
    edit_order,
    edited_image_order,
    extension_order,
    image_order,
    remix_order,
)
from matinee.jobs.record import Order
from tests.unit.runtime.jobs.making import RULES, order
from tests.unit.runtime.models import info

TEXT_ONLY = dataclasses.replace(RULES, info=info(capabilities=("text",)))


def extended(source: Order, **fields: Any) -> Order:
    return extension_order({"prompt": "it goes on", "seconds": "1", **fields}, "v1", source, RULES)


def test_an_extension_is_the_source_and_a_segment_after_it() -> None:
    source = order(size="96x64", seconds="2", num_inference_steps=3, negative_prompt="rain")
    longer = extended(source)
    assert (longer.extended_from, longer.frames_before) == ("v1", 49)
    assert (longer.request.num_frames, longer.num_frames) == (25, 49 + 24)
    assert longer.seconds == "3.04"
    kept = ("width", "height", "fps", "num_inference_steps", "negative_prompt")
    assert [longer.sampling[name] for name in kept] == [source.sampling[name] for name in kept]
    assert longer.input_mime == "video/mp4"
    again = extended(longer, num_inference_steps=5, seed=8)
    assert (again.frames_before, again.num_frames, again.seed) == (73, 97, 8)
    assert again.request.num_inference_steps == 5


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"seconds": None}, "seconds", "is required"),
        ({"seconds": "20"}, "seconds", "nearest: 10.71"),
        ({"size": "96x64"}, "size", "leave it out"),
        ({"fps": 8}, "fps", "leave it out"),
        ({"num_frames": 17}, "seconds", "not both"),
        ({"seconds": None, "num_frames": 18}, "num_frames", "nearest: 17 or 25"),
        ({"prompt": ""}, "prompt", "must not be empty"),
        ({"video_url": "a"}, "video_url", "not known here"),
    ],
)
def test_an_extension_that_cannot_be_made_is_refused(
    fields: dict[str, Any], param: str, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says) as refused:
        extended(order(), **fields)
    assert refused.value.param == param


def test_what_cannot_go_on_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="one picture"):
        extended(order(num_frames=1))
    endless = order().model_copy(update={"frames_before": 24 * 3600})
    with pytest.raises(InvalidRequest, match="may have 3600 s"):
        extended(endless)
    with pytest.raises(InvalidRequest, match="video cannot be taken: test makes") as refused:
        extension_order({"prompt": "a", "seconds": 1}, "v1", order(), TEXT_ONLY)
    assert refused.value.param == "video"


def test_an_edit_begins_with_the_sources_first_picture() -> None:
    source = extended(order(seconds="1"))
    edit = edit_order({"prompt": "in winter"}, "v2", source, RULES)
    assert (edit.prompt, edit.edited_from, edit.input_mime) == ("in winter", "v2", "image/png")
    assert (edit.num_frames, edit.seed, edit.seconds) == (49, source.seed, source.seconds)
    assert (edit.extended_from, edit.goes_on) == (None, False)
    with pytest.raises(InvalidRequest, match="nearest: /v1/videos/v2/remix") as refused:
        edit_order({"prompt": "in winter"}, "v2", source, TEXT_ONLY)
    assert refused.value.param == "video"
    with pytest.raises(UnknownField, match="seconds"):
        edit_order({"prompt": "in winter", "seconds": 2}, "v2", source, RULES)


def test_a_remix_of_an_extension_goes_on_from_the_same_video() -> None:
    longer = extended(order())
    remix = remix_order({"prompt": "it ends"}, "v2", longer, RULES)
    assert (remix.remixed_from, remix.extended_from) == ("v2", None)
    assert (remix.num_frames, remix.input_mime) == (longer.num_frames, "video/mp4")


def test_an_edited_image_is_the_end_of_the_shortest_video() -> None:
    made = image_order({"prompt": "a ball"}, RULES)
    assert (made.num_frames, made.as_image) == (1, True)
    edited = edited_image_order({"prompt": "a ball"}, RULES, "image/png")
    assert (edited.num_frames, edited.as_image, edited.input_mime) == (9, True, "image/png")
    with pytest.raises(InvalidRequest, match="input_reference cannot be taken"):
        edited_image_order({"prompt": "a ball"}, TEXT_ONLY, "image/png")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("adapters", [{"name": "ghibli", "scale": 1}], "no LoRA adapters"),
        ("prompt_enhance", True, "not rewritten"),
        ("characters", [{"id": "char_1"}], "describe it in the prompt"),
    ],
)
def test_what_is_not_here_so_far_is_refused_with_the_remedy(
    name: str, value: object, says: str
) -> None:
    makers: tuple[Callable[[dict[str, Any]], Order], ...] = (
        lambda asked: order(**asked),
        lambda asked: image_order({"prompt": "a", **asked}, RULES),
        lambda asked: remix_order({"prompt": "a", **asked}, "v1", order(), RULES),
    )
    for made in makers:
        with pytest.raises(InvalidRequest, match=says) as refused:
            made({name: value})
        assert refused.value.param == name
        made({name: None})
        made({name: []})


def test_what_is_missing_is_named() -> None:
    with pytest.raises(MissingField, match="prompt"):
        extension_order({"seconds": 1}, "v1", order(), RULES)
