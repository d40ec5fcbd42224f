from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import Segment, Viewer, session
from tests.unit.runtime.media.mp4_reading import video_frames

SIZE = 64
QUICK = {"num_inference_steps": 2}


async def _state(viewer: Viewer) -> dict[str, object]:
    await viewer.say("snapshot_state")
    state: dict[str, object] = (await viewer.hear("continuation_state_snapshot"))["state"]
    return state


def _pictures(segment: Segment) -> np.ndarray:
    frames = video_frames(b"".join(segment.binaries))
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames]).astype(int)


async def test_a_state_goes_on_in_another_session_as_it_would_have_here(server: Server) -> None:
    async with session(server, **QUICK, seed=5) as viewer:
        await viewer.segment("a ball")
        state = await _state(viewer)
        uninterrupted = await viewer.segment("a ball", seed=6)
    async with session(server, **QUICK, continuation_state=state) as viewer:
        resumed = await viewer.segment("a ball", seed=6)
        later = await _state(viewer)
    assert resumed.only("media_segment_complete")["frames"] == 16  # 17 shares one with before
    difference = np.abs(_pictures(uninterrupted) - _pictures(resumed)).mean()
    assert difference < 4  # of 255; the encoder's own state differs
    assert _payload(state)["segment_index"] == 1
    assert _payload(later)["segment_index"] == 2
    assert _payload(later)["prompts"] == ["a ball", "a ball"]


async def test_a_state_survives_json(server: Server) -> None:
    """It holds the last pictures shown, without loss."""
    async with session(server, **QUICK, seed=5) as viewer:
        segment = await viewer.segment("a ball")
        state = json.loads(json.dumps(await _state(viewer)))
    payload = _payload(state)
    assert (
        state["kind"],
        payload["schema_version"],
        payload["width"],
        payload["height"],
    ) == ("ltx.v1", 1, SIZE, SIZE)
    last = Image.open(io.BytesIO(base64.b64decode(payload["frames_b64"][-1])))
    assert np.abs(np.asarray(last).astype(int) - _pictures(segment)[-1]).mean() < 12


async def test_a_state_of_another_size_is_an_error(server: Server) -> None:
    async with session(server, **QUICK, seed=5) as viewer:
        await viewer.segment("a ball")
        state = await _state(viewer)
    async with session(server, **QUICK, continuation_state=state, width=32) as viewer:
        error = await viewer.hear("error")
        await viewer.rest()
    assert error["param"].startswith("continuation_state")
    assert "64x64" in error["message"]
    assert viewer.close_code == 1003


async def test_a_damaged_state_is_an_error(server: Server) -> None:
    async with session(server, **QUICK, seed=5) as viewer:
        await viewer.segment("a ball")
        state = await _state(viewer)
    _payload(state)["frames_b64"][0] = "AAAA"
    async with session(server, **QUICK, continuation_state=state) as viewer:
        error = await viewer.hear("error")
        await viewer.rest()
    assert "frames_b64.0" in error["message"]


async def test_without_a_segment_there_is_no_state(server: Server) -> None:
    async with session(server) as viewer:
        await viewer.say("snapshot_state")
        error = await viewer.hear("error")
    assert (error["retryable"], error["code"]) == (True, "invalid_message")


async def test_the_first_segment_starts_from_the_initial_image(server: Server) -> None:
    """Of any size and of every format; it is the first picture shown."""
    whole = {}
    for kind in ("png", "jpeg", "webp"):
        file = io.BytesIO()
        Image.new("RGB", (200, 100), (200, 30, 30)).save(file, kind)
        image = {
            "mime": f"image/{kind}",
            "name": "red",
            "data": base64.b64encode(file.getvalue()).decode(),
        }
        async with session(server, **QUICK, initial_image=image, seed=5) as viewer:
            segment = await viewer.segment("a ball")
        whole[kind] = _pictures(segment)
        assert len(whole[kind]) == 17
    async with session(server, **QUICK, seed=5) as viewer:
        without = _pictures(await viewer.segment("a ball"))
    assert np.abs(whole["png"] - whole["jpeg"]).mean() < np.abs(whole["png"] - without).mean()


def _payload(state: dict[str, object]) -> dict[str, Any]:
    payload = state["payload"]
    assert isinstance(payload, dict)
    return payload
