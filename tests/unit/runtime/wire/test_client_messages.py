from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.wire.client_messages import (
    MOST_LATER_CHARACTERS,
    MOST_PARTS,
    InvalidMessage,
    RewriteSeedPrompts,
    SegmentCancel,
    SegmentPrompt,
    SessionInit,
    SnapshotState,
    ToggleUpdated,
    Unavailable,
    parse_client_message,
    parse_later_message,
)


def parse(**message: Any) -> Any:
    return parse_client_message(json.dumps(message))


def refusal(text: str) -> InvalidMessage:
    with pytest.raises(InvalidMessage) as caught:
        parse_client_message(text)
    return caught.value


def test_an_init_may_say_nothing_but_its_type() -> None:
    init = parse(type="session_init_v2")
    assert isinstance(init, SessionInit)
    assert (init.curated_prompts, init.preset, init.stream_mode, init.mode) == (
        (),
        None,
        None,
        "segment",
    )


def test_fastvideos_init_is_understood() -> None:
    init = parse(
        type="session_init_v2",
        client_id="7d3c",
        preset="ltx2_base",
        preset_label="LTX-2",
        curated_prompts=["a", "b"],
        initial_image={"mime": "image/jpg", "name": "a.jpg", "data": "AA=="},
        enhancement_enabled=False,
        auto_extension_enabled=True,
        loop_generation_enabled=True,
        single_clip_mode=False,
        stream_mode="av_fmp4",
        continuation_state=None,
        a_key_of_its_own={"deep": [1]},
    )
    assert init.curated_prompts == ("a", "b")
    assert init.initial_image.mime == "image/jpg"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "segment_prompt_source", "prompt": "a"}, SegmentPrompt),
        ({"type": "enhancement_updated", "enabled": True}, ToggleUpdated),
        ({"type": "snapshot_state", "more": 1}, SnapshotState),
        ({"type": "segment_cancel"}, SegmentCancel),
        ({"type": "rewrite_seed_prompts", "seed_prompt": "a"}, RewriteSeedPrompts),
        ({"type": "adapters_updated"}, Unavailable),
    ],
)
def test_each_type_has_its_message(message: dict[str, Any], expected: type) -> None:
    assert isinstance(parse(**message), expected)


@pytest.mark.parametrize(
    "text", ["", "x", "{", '{"type":', '"\\ud800"', "[" * 10_000, "9" * 5000, '{"a":1}{"b":2}']
)
def test_what_is_not_json_is_noise(text: str) -> None:
    error = refusal(text)
    assert (error.noise, error.param, str(error)) == (True, "", "the message is not valid JSON")


@pytest.mark.parametrize("text", ["[]", "null", "5", '"session_end"', "{}", "\ud800"])
def test_json_that_is_not_a_message_is_told_what_one_is(text: str) -> None:
    error = refusal(text)
    assert str(error) == 'a message is a JSON object with a "type"'
    assert not error.noise


@pytest.mark.parametrize("kind", ["unheard", 5, None, ["session_end"], {"a": 1}])
def test_an_unknown_type_is_told_the_known_ones(kind: object) -> None:
    error = refusal(json.dumps({"type": kind}))
    assert error.param == "type"
    assert "session_init_v2" in str(error)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"width": 0}, "width"),
        ({"width": 32.5}, "width"),
        ({"width": "32"}, "width"),
        ({"width": True}, "width"),
        ({"fps": 121}, "fps"),
        ({"seed": 2**63}, "seed"),
        ({"num_frames": 10**30}, "num_frames"),
        ({"guidance_scale": -1}, "guidance_scale"),
        ({"stream_mode": "webm"}, "stream_mode"),
        ({"mode": "dream"}, "mode"),
        ({"client_id": "x" * 257}, "client_id"),
        ({"curated_prompts": "a"}, "curated_prompts"),
        ({"curated_prompts": ["a", 1]}, "curated_prompts.1"),
        ({"initial_image": {"mime": "image/png"}}, "initial_image.data"),
        ({"initial_image": "AAAA"}, "initial_image.mime"),
        ({"initial_image": 7}, "initial_image"),
        ({"initial_image": {"name": "a"}}, "initial_image.mime"),
        ({"initial_image": {"data_url": 7}}, "initial_image.mime"),
        ({"continuation_state": {"kind": ""}}, "continuation_state.kind"),
        ({"continuation_state": {"kind": "a", "payload": []}}, "continuation_state.payload"),
        ({"loop_generation_enabled": "yes"}, "loop_generation_enabled"),
    ],
)
def test_a_wrong_value_is_named(fields: dict[str, Any], param: str) -> None:
    error = refusal(json.dumps({"type": "session_init_v2", **fields}))
    assert error.param == param
    assert not error.noise
    assert "pydantic" not in str(error)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_number_that_is_none_is_a_mistake(number: str) -> None:
    text = f'{{"type":"segment_prompt_source","prompt":"a","guidance_scale":{number}}}'
    assert refusal(text).param == "guidance_scale"
    assert refusal(text.replace("guidance_scale", "seed")).param == "seed"


def test_an_integer_does_for_a_float() -> None:
    assert parse(type="segment_prompt_source", prompt="a", guidance_scale=3).guidance_scale == 3.0


def test_of_many_mistakes_the_first_is_named() -> None:
    text = json.dumps({"type": "seed_prompts_updated", "seed_prompts": [1] * 10**4})
    assert refusal(text).param == "seed_prompts.0"


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"segment_idx": 2}, True),
        ({"segment_idx": 3}, False),
        ({"request_id": "r"}, True),
        ({"request_id": "q"}, False),
        ({"segment_idx": 2, "request_id": "q"}, False),
    ],
)
def test_a_cancel_names_a_segment_by_all_that_it_says(fields: dict[str, Any], fits: bool) -> None:
    assert parse(type="segment_cancel", **fields).names(2, "r") is fits


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
KEYS = ["prompt", "seed", "enabled", "initial_image", "curated_prompts", "segment_idx", "payload"]


@settings(max_examples=40)
@given(
    st.sampled_from(["session_init_v2", "segment_prompt_source", "segment_cancel", "odd"]),
    st.dictionaries(st.sampled_from(KEYS), JSON_VALUES),
)
def test_any_values_are_a_message_or_a_mistake(kind: str, fields: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidMessage):
        assert parse(type=kind, **fields).type == kind


@pytest.mark.parametrize(
    "value",
    ["[" + "[]," * MOST_PARTS + "1]", '["",' * MOST_PARTS, '{"":{' * MOST_PARTS],
    ids=["lists", "strings", "objects"],
)
def test_a_message_of_too_many_values_is_refused_before_it_is_parsed(value: str) -> None:
    payload = f'{{"kind": "x", "payload": {{"a": {value}}}}}'
    refused = refusal(f'{{"type": "session_init_v2", "continuation_state": {payload}}}')
    assert refused.noise
    assert str(refused) == "the message has more than 100000 commas and brackets; send fewer values"


def test_a_first_message_may_hold_a_long_picture() -> None:
    picture = "A" * (MOST_LATER_CHARACTERS + 1)
    init = parse(type="session_init_v2", initial_image={"mime": "image/png", "data": picture})
    assert init.initial_image.data == picture


def test_a_later_message_is_shorter() -> None:
    text = json.dumps({"type": "seed_prompts_updated", "seed_prompts": ["a" * 2**20]})
    with pytest.raises(InvalidMessage, match="at most 1048576 are allowed"):
        parse_later_message(text)
    assert parse_later_message('{"type": "snapshot_state"}') == SnapshotState(type="snapshot_state")
