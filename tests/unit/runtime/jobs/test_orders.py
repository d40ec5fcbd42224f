from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from matinee.errors import InvalidRequest
from matinee.jobs.fields import MissingField, UnknownField, UnknownModel
from matinee.jobs.orders import Rules, remix_order
from matinee.jobs.orders import video_order as read
from tests.unit.runtime.jobs.making import RULES, order
from tests.unit.runtime.models import info


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, {"width": 64, "num_frames": 17, "fps": 24, "num_inference_steps": 4}),
        ({"size": "96x64"}, {"width": 96, "height": 64}),
        ({"width": 96, "height": "64"}, {"width": 96, "height": 64}),
        ({"seconds": "4"}, {"num_frames": 97}),
        ({"seconds": 4}, {"num_frames": 97}),
        ({"seconds": "4", "fps": "8"}, {"num_frames": 33, "fps": 8}),
        ({"seconds": "0.01"}, {"num_frames": 9}),
        ({"seconds": "1.35"}, {"num_frames": 33}),
        ({"num_frames": "25", "num_inference_steps": "2"}, {"num_frames": 25}),
        ({"guidance_scale": "2.5", "negative_prompt": "rain"}, {"guidance_scale": 2.5}),
        ({"seed": "9", "user": "somebody", "model": "test"}, {"seed": 9}),
    ],
)
def test_fields_become_what_the_model_is_asked(
    fields: dict[str, Any], asked: dict[str, Any]
) -> None:
    """A form says numbers as text."""
    request = order(**fields).request
    assert {name: getattr(request, name) for name in asked} == asked


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"prompt": ""}, "prompt", "must not be empty"),
        ({"prompt": " "}, "prompt", "is empty"),
        ({"prompt": "x" * 101}, "prompt", "at most 100"),
        ({"negative_prompt": "x" * 101}, "negative_prompt", "at most 100"),
        ({"size": "big"}, "size", "WIDTHxHEIGHT"),
        ({"size": "0x64"}, "size", "WIDTHxHEIGHT"),
        ({"size": "99999x64"}, "size", "WIDTHxHEIGHT"),
        ({"size": "70x64"}, "width", "nearest: 64 or 96"),
        ({"size": "64x64", "width": 64}, "size", "not both"),
        ({"seconds": "0"}, "seconds", "more than 0"),
        ({"seconds": "long"}, "seconds", "got"),
        ({"seconds": "NaN"}, "seconds", "finite"),
        ({"seconds": "60"}, "seconds", "nearest: 10.71"),
        ({"seconds": "4", "num_frames": 17}, "seconds", "not both"),
        ({"num_frames": 18}, "num_frames", "nearest: 17 or 25"),
        ({"num_inference_steps": 0}, "num_inference_steps", "at least 1"),
        ({"seed": True}, "seed", "got"),
        ({"seed": -1}, "seed", "at least 0"),
        ({"fps": "fast"}, "fps", "got"),
    ],
)
def test_what_the_model_cannot_do_is_refused_with_the_nearest_it_can(
    fields: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words) as refused:
        order(**fields)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({}, MissingField, "prompt"),
        ({"prompt": "a", "step": 3}, UnknownField, "did you mean|known here"),
        ({"prompt": "a", "output_path": "/etc/passwd"}, UnknownField, "output_path"),
        ({"prompt": "a", "model": "sora-2"}, UnknownModel, "present: test"),
        ({f"field {number}": 1 for number in range(100)}, UnknownField, "too many"),
    ],
)
def test_what_is_not_known_is_not_ignored(
    fields: dict[str, Any], kind: type[InvalidRequest], words: str
) -> None:
    with pytest.raises(kind, match=words):
        read(fields, RULES)


def test_a_seed_is_drawn_where_nobody_gives_one() -> None:
    drawn = {read({"prompt": "a"}, RULES).seed for _ in range(8)}
    assert len(drawn) > 1
    configured = Rules(RULES.info, 100, seed=3)
    assert read({"prompt": "a"}, configured).seed == 3


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"seconds": "4"}, "4"), ({}, "0.71"), ({"seconds": "2.50"}, "2.5"), ({"fps": 17}, "1")],
)
def test_the_length_is_told_in_seconds(fields: dict[str, Any], told: str) -> None:
    assert order(**fields).seconds == told


def test_a_remix_is_the_same_with_another_prompt() -> None:
    source = order(size="96x64", seconds="1")
    remix = remix_order({"prompt": "a blue cube"}, "video_1", source, RULES)
    assert (remix.prompt, remix.remixed_from) == ("a blue cube", "video_1")
    assert remix.sampling == source.sampling
    assert (remix.seed, remix.seconds) == (source.seed, source.seconds)


def test_a_remix_of_what_the_server_no_longer_makes_is_refused() -> None:
    source = order(size="96x64")
    with pytest.raises(UnknownField, match="size"):
        remix_order({"prompt": "a", "size": "64x64"}, "video_1", source, RULES)
    with pytest.raises(InvalidRequest, match="pixels"):
        remix_order({"prompt": "a"}, "video_1", source, Rules(info(max_pixels=4096), 100))


def test_what_the_model_cannot_begin_with_is_refused() -> None:
    for able, mime, says in (
        (("image",), None, "input_reference is needed: test makes a video whose first frame"),
        (("text",), "image/png", "input_reference cannot be taken: test makes a video from"),
    ):
        rules = dataclasses.replace(RULES, info=info(capabilities=able))
        with pytest.raises(InvalidRequest, match=says):
            read({"prompt": "a red ball"}, rules, mime)
