from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image
from websockets.exceptions import InvalidStatus

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import Message, Viewer, kinds_of, raw, session

INIT = {"type": "session_init_v2"}


async def _refused_at_first(server: Server, frame: str | bytes) -> tuple[Message, Viewer]:
    """What the first frame leads to: an `error`, the end, and the close."""
    async with raw(server) as viewer:
        await viewer.socket.send(frame)
        items = await viewer.rest()
    if kinds_of(items)[0] == "queue_status":  # pictures are decoded once a place is held
        del items[0]
    assert kinds_of(items) == ["error", "ltx2_stream_complete"]
    error, last = items
    assert isinstance(error, dict)
    assert isinstance(last, dict)
    assert last["reason"] == "error"
    return error, viewer


@pytest.mark.parametrize(
    ("frame", "param", "says"),
    [
        (b"\x00\x01", None, "binary"),
        ("no JSON", None, "not valid JSON"),
        ("[" * 10_000, None, "not valid JSON"),
        ("[]", "type", "JSON object"),
        ("7", "type", "JSON object"),
        ("{}", "type", "type"),
        ('{"type": "session_init_v3"}', "type", "session_init_v2"),
        ('{"type": "snapshot_state"}', "type", "must be session_init_v2"),
        ('{"type": "segment_prompt_source", "prompt": "a"}', "type", "must be session_init_v2"),
    ],
)
async def test_a_wrong_first_message_is_told_and_closes_with_1003(
    fake: Server, frame: str | bytes, param: str | None, says: str
) -> None:
    error, viewer = await _refused_at_first(fake, frame[:90_000])
    assert ("invalid_message", param) == (error["code"], error.get("param"))
    assert says in error["message"]
    assert not error["retryable"]
    assert viewer.close_code == 1003


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"width": 33}, "width", "nearest: 32 or 48"),
        ({"width": -1}, "width", "expected at least 32; got -1"),
        ({"width": 10**30}, "width", ""),
        ({"width": "64"}, "width", "expected a whole number"),
        ({"num_frames": 16}, "num_frames", "nearest: 9 or 17"),
        ({"fps": 0}, "fps", ""),
        ({"seed": -1}, "seed", ""),
        ({"seed": 2**63}, "seed", ""),
        ({"guidance_scale": 1e9}, "guidance_scale", ""),
        ({"num_inference_steps": 1000}, "num_inference_steps", "from 1 to 200"),
        ({"stream_mode": "mpeg2"}, "stream_mode", "av_fmp4"),
        ({"curated_prompts": "a"}, "curated_prompts", ""),
        ({"curated_prompts": ["a"] * 101}, "curated_prompts", "at most 100"),
        ({"negative_prompt": "a" * 8193}, "negative_prompt", "at most 8192"),
        ({"resume": {"session_id": "a", "token": "b"}}, "resume", "no such session"),
        ({"resume": {"session_id": "../a", "token": "b"}}, "resume.session_id", ""),
        ({"adapters": [{"name": "a", "scale": 1}]}, "adapters", "not available"),
        ({"mode": "live"}, "mode", "not available"),
        ({"initial_image": {"mime": "image/png", "data": "%"}}, "initial_image.data", "base64"),
        ({"initial_image": {"mime": "image/png", "data": "AAAA"}}, "initial_image", ""),
        ({"initial_image": {"mime": "image/gif", "data": "AAAA"}}, "initial_image", ""),
        ({"continuation_state": {"kind": "unheard", "payload": {}}}, "continuation_state", "kind"),
        (
            {"continuation_state": {"kind": "ltx.v1", "payload": {"schema_version": 9}}},
            "continuation_state",
            "schema_version",
        ),
        ({"continuation_state": {"kind": "ltx.v1"}}, "continuation_state.payload", "required"),
    ],
)
async def test_a_first_message_that_cannot_be_served_names_the_field(
    fake: Server, fields: dict[str, object], param: str, says: str
) -> None:
    error, viewer = await _refused_at_first(fake, json.dumps(INIT | fields))
    assert error["code"] == "invalid_message"
    assert error["param"].startswith(param)
    assert says in error["message"]
    assert viewer.close_code == 1003


async def test_an_unknown_preset_is_a_mismatch_and_closes_with_1003(fake: Server) -> None:
    error, viewer = await _refused_at_first(fake, json.dumps(INIT | {"preset": "storm"}))
    assert (
        error["code"],
        error["param"],
        error["retryable"],
    ) == ("preset_mismatch", "preset", False)
    assert "calm, wild" in error["message"]
    assert viewer.close_code == 1003


@pytest.mark.parametrize("preset", [None, "calm"])
async def test_a_known_preset_or_none_is_taken(fake: Server, preset: str | None) -> None:
    async with session(fake, preset=preset, extra_key_of_a_newer_client=1) as viewer:
        start = await viewer.hear("ltx2_stream_start")
    assert preset == start.get("preset")


@pytest.mark.parametrize(
    ("message", "param", "says"),
    [
        (INIT, "type", "already open"),
        ({"type": "unheard_of"}, "type", "unknown message type"),
        ({"type": "segment_prompt_source"}, "prompt", "required"),
        ({"type": "segment_prompt_source", "prompt": " "}, "prompt", "empty"),
        ({"type": "segment_prompt_source", "prompt": "a" * 8193}, "prompt", "at most 8192"),
        (
            {"type": "segment_prompt_source", "prompt": "a", "num_inference_steps": 201},
            "num_inference_steps",
            "from 1 to 200",
        ),
        ({"type": "segment_prompt_source", "prompt": "a", "num_frames": 10}, "num_frames", "9"),
        ({"type": "segment_prompt_source", "prompt": "a", "source": "dream"}, "source", ""),
        ({"type": "segment_cancel"}, "segment_idx", "no such segment"),
        ({"type": "segment_cancel", "request_id": "none"}, "segment_idx", "no such segment"),
        ({"type": "seed_prompts_updated", "seed_prompts": [7]}, "seed_prompts.0", ""),
        ({"type": "generation_paused_updated", "paused": "yes"}, "paused", ""),
    ],
)
async def test_a_later_mistake_is_told_and_the_session_goes_on(
    fake: Server, message: Message, param: str, says: str
) -> None:
    async with session(fake) as viewer:
        await viewer.hear("ltx2_stream_start")
        await viewer.socket.send(json.dumps(message))
        error = await viewer.hear("error")
        await viewer.segment("a ball")
        await viewer.end()
    assert ("invalid_message", param, True) == (error["code"], error["param"], error["retryable"])
    assert says in error["message"]
    assert viewer.close_code == 1000


@pytest.mark.parametrize(
    "message",
    [
        {"type": "rewrite_seed_prompts", "seed_prompt": "a", "count": 3},
        {"type": "adapters_updated", "adapters": []},
        {"type": "prompt_updated", "prompt": "a", "request_id": "b"},
        {"type": "enhancement_updated", "enabled": True},
    ],
)
async def test_what_this_server_does_not_have_is_said(fake: Server, message: Message) -> None:
    async with session(fake) as viewer:
        await viewer.hear("ltx2_stream_start")
        await viewer.socket.send(json.dumps(message))
        error = await viewer.hear("error")
        await viewer.segment("a ball")
    assert not error["retryable"]
    assert "not available on this server" in error["message"]


async def test_enhancement_asked_for_at_the_start_is_said_to_be_missing(fake: Server) -> None:
    async with session(fake, enhancement_enabled=True) as viewer:
        error = await viewer.hear("error")
        await viewer.segment("a ball")
    assert error["param"] == "enhancement_enabled"


async def test_a_request_that_the_model_refuses_names_its_request_id(fake: Server) -> None:
    async with session(fake) as viewer:
        await viewer.ask("refused", request_id="mine")
        error = await viewer.hear("error")
        await viewer.segment("a ball")
    assert (
        error["code"],
        error["request_id"],
        error["param"],
    ) == ("invalid_message", "mine", "prompt")


async def test_three_bad_frames_in_a_row_end_the_session_with_1008(fake: Server) -> None:
    async with session(fake) as viewer:
        await viewer.hear("ltx2_stream_start")
        for frame in (b"\x00", "{", b"\x00"):
            await viewer.socket.send(frame)
        items = await viewer.rest()
    assert kinds_of(items) == ["error"] * 3 + ["ltx2_stream_complete"]
    assert items[-1] == {"type": "ltx2_stream_complete", "reason": "error"}
    assert viewer.close_code == 1008


async def test_bad_frames_that_are_not_in_a_row_do_not_add_up(fake: Server) -> None:
    async with session(fake) as viewer:
        for frame in (b"\x00", "{", '{"type": "snapshot_state"}', b"\x00", "{"):
            await viewer.socket.send(frame)
        await viewer.hear("ltx2_stream_start")
        await viewer.segment("a ball")
        await viewer.end()
    assert viewer.close_code == 1000


async def test_bad_frames_while_a_segment_runs_stop_the_gpu_too(fake: Server) -> None:
    async with session(fake) as viewer:
        await viewer.ask("a ball", num_inference_steps=200, num_frames=257)
        await viewer.hear("ltx2_segment_start")
        for _ in range(3):
            await viewer.socket.send(b"\x00")
        items = await viewer.rest()
    assert items[-1] == {"type": "ltx2_stream_complete", "reason": "error"}
    assert viewer.close_code == 1008
    fake.wait_until_idle()


@pytest.mark.parametrize("parts", [1, 3])
async def test_a_message_that_is_too_big_closes_with_1009_and_tells_the_limit(
    fake: Server, parts: int
) -> None:
    part = "a" * (100_001 // parts + 1)
    async with session(fake) as viewer:
        await viewer.hear("ltx2_stream_start")
        await viewer.socket.send(part if parts == 1 else iter([part] * parts))
        await viewer.rest()
    assert viewer.close_code == 1009
    assert "100000" in (viewer.close_reason or "").replace(",", "").replace("_", "")


async def test_a_page_of_another_origin_is_refused_before_the_upgrade(fake: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with raw(fake, Origin="https://elsewhere.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_a_page_of_this_server_may_stream(fake: Server) -> None:
    async with raw(fake, Origin=fake.url) as viewer:
        await viewer.say("session_init_v2")
        await viewer.hear("ltx2_stream_start")


async def test_an_image_that_is_not_what_it_says_is_refused(server: Server) -> None:
    image = {"mime": "image/png", "data": base64.b64encode(b"GIF89a" + bytes(64)).decode()}
    error, viewer = await _refused_at_first(server, json.dumps(INIT | {"initial_image": image}))
    assert error["param"].startswith("initial_image")
    assert viewer.close_code == 1003


async def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    server: Server,
) -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    image = {"mime": "image/png", "data": base64.b64encode(file.getvalue()).decode()}
    error, _ = await _refused_at_first(server, json.dumps(INIT | {"initial_image": image}))
    assert "pixels" in error["message"]
