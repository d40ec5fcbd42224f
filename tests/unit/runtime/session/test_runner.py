from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matinee.session.effects import CloseCode
from matinee.session.opening import RETRY_AFTER_S
from matinee.worker import messages as worker
from matinee.worker.messages import Cause
from tests.unit.runtime.session.making import INFO, failed, state_of, wire_of
from tests.unit.runtime.session.passing_time import PassingClock
from tests.unit.runtime.session.staging import Client, Stage, Staged, turns


async def in_a_segment(stage: Stage, **init: Any) -> Client:
    client = stage.client(**init)
    client.say("segment_prompt_source", prompt="a ball", request_id="r1", seed=5)
    await client.hear("ltx2_segment_start")
    return client


async def test_the_greeting_tells_this_sessions_values(staged: Staged) -> None:
    client = staged(session_timeout_seconds=60.0).client(preset="mine", width=64, fps=12)
    start = await client.hear("ltx2_stream_start")
    mime = start.pop("mime")
    assert mime.startswith('video/mp4; codecs="avc1.')
    assert start == {
        "type": "ltx2_stream_start",
        "preset": "mine",
        "width": 64,
        "height": 32,
        "fps": 12,
        "num_frames": 17,
    }
    assigned = await client.hear("gpu_assigned")
    assert assigned["gpu_id"] == 0
    assert (assigned["session_timeout"], assigned["model_id"]) == (60, "fake")
    assert assigned["worker"] == "test"
    assert len(assigned["resume_token"]) >= 32
    assert assigned["resume_token"] != assigned["session_id"]


async def test_a_segments_start_tells_all_its_steps(staged: Staged) -> None:
    stage = staged()
    client = await in_a_segment(stage)
    start = await client.hear("ltx2_segment_start")
    assert start == {
        "type": "ltx2_segment_start",
        "segment_idx": 0,
        "prompt": "a ball",
        "total_steps": 4,
        "source": "user",
        "seed": 5,
        "request_id": "r1",
    }
    stage.pool.jobs[0].give(worker.StepDone(0, 1, 4, "denoise", 10.0))
    assert (await client.hear("step_complete"))["step"] == 1


async def test_going_on_from_a_state_of_many_frames_takes_two_chunks(staged: Staged) -> None:
    stage = staged()
    client = await in_a_segment(stage, continuation_state=wire_of(state_of(9)))
    assert (await client.hear("ltx2_segment_start"))["total_steps"] == 8
    state = stage.pool.jobs[0].job.state
    assert state is not None
    assert np.array_equal(state.tensors["frames"], state_of(9).tensors["frames"])
    client.say("snapshot_state")
    snapshot = await client.hear("continuation_state_snapshot")
    assert len(snapshot["state"]["payload"]["frames_b64"]) == 9


@pytest.mark.parametrize(
    ("init", "param"),
    [
        ({"width": 33}, "width"),
        ({"initial_image": {"mime": "image/png", "data": "!"}}, "initial_image.data"),
        ({"curated_prompts": ["a"] * 101}, "curated_prompts"),
    ],
)
async def test_an_init_that_cannot_be_done_takes_no_slot(
    staged: Staged, init: dict[str, Any], param: str
) -> None:
    stage = staged()
    client = stage.client(**init)
    await client.over()
    error, complete = client.heard[-2:]
    assert (error["code"], error["param"]) == ("invalid_message", param)
    assert complete["type"] == "ltx2_stream_complete"
    assert client.closed == (1003, "invalid_init")
    assert stage.clean


async def test_an_idle_session_ends_and_frees_its_slot(staged: Staged) -> None:
    clock = PassingClock()
    stage = staged(session_timeout_seconds=300.0, clock=clock)
    client = stage.client()
    await client.hear("ltx2_stream_start")
    await turns()
    client.say("generation_paused_updated", paused=True)
    await turns()
    clock.pass_time(299.0)
    client.say("segment_prompt_source", prompt="a ball")
    await turns()
    clock.pass_time(1.0)
    await turns()
    assert clock.waiting == [clock.time + 299.0], "a timer that rang too early is set again"
    clock.pass_time(298.0)
    assert clock.rung == 1, "nothing is polled"
    clock.pass_time(1.0)
    assert (await client.over())[-2:] == ["session_timeout", "ltx2_stream_complete"]
    assert client.closed == (1000, "session_timeout")
    assert clock.waiting == []
    assert stage.clean


async def test_a_segment_of_any_length_is_no_idleness(staged: Staged) -> None:
    clock = PassingClock()
    stage = staged(session_timeout_seconds=300.0, clock=clock)
    client = await in_a_segment(stage)
    clock.pass_time(10_000.0)
    await turns()
    assert clock.waiting == []
    stage.pool.jobs[0].make_all()
    await client.hear("ltx2_segment_complete")
    await turns()
    assert clock.waiting == [clock.time + 300.0]
    client.vanish()
    await client.over()
    assert clock.waiting == []


async def test_a_timeout_within_a_session_is_not_taken_for_a_slot_that_did_not_become_free(
    staged: Staged,
) -> None:
    stage = staged()
    stage.pool.mistake = TimeoutError("of something else")
    client = stage.client()
    await client.over()
    assert client.heard[-2]["code"] == "internal_error"
    assert client.closed == (1011, "internal_error")
    assert stage.clean


async def test_a_refused_request_leaves_the_session_open(staged: Staged) -> None:
    stage = staged()
    client = await in_a_segment(stage)
    stage.pool.jobs[0].give(failed(Cause.REQUEST))
    error = await client.hear("error")
    assert (error["code"], error["request_id"]) == ("invalid_message", "r1")
    client.say("segment_prompt_source", prompt="another")
    await client.hear("ltx2_segment_start", 2)


async def test_a_worker_that_fails_ends_the_session(staged: Staged) -> None:
    stage = staged()
    client = await in_a_segment(stage)
    stage.pool.jobs[0].give(failed(Cause.NO_WORKER))
    await client.over()
    assert client.closed == (1011, "worker_failed")
    assert stage.clean


async def test_binary_frames_are_told_and_the_third_ends_the_session(staged: Staged) -> None:
    client = await in_a_segment(stage := staged())
    for _ in range(3):
        client.say_binary(b"\x00")
    kinds = await client.over()
    assert kinds.count("error") == 3
    assert client.closed is not None
    assert client.closed[0] == 1008
    assert stage.pool.jobs[0].cancels
    assert stage.clean


async def test_a_viewer_who_catches_up_gets_a_keyframe(staged: Staged) -> None:
    stage = staged()
    client = await in_a_segment(stage)
    runner = client.connection._runner
    assert runner is not None
    client.connection._outlet._queue._request_keyframe()
    video: Any = runner._opened.video
    assert video._keyframe_due


async def test_a_model_that_is_not_loaded_in_time_is_told(staged: Staged) -> None:
    stage = staged(slots=0, session_timeout_seconds=0.05)
    stage.pool.info = None
    client = stage.client()
    assert await client.over() == ["queue_status", "error", "ltx2_stream_complete"]
    assert client.heard[1]["message"] == "the model is still being loaded"
    assert client.heard[1]["retry_after_seconds"] == RETRY_AFTER_S
    assert client.closed == (1013, "gpu_unavailable")
    assert stage.clean


async def test_viewers_queue_while_the_model_loads_and_are_served_in_their_order(
    staged: Staged,
) -> None:
    stage = staged(slots=0, max_queue=2)
    stage.pool.info = None
    first, second = stage.client(), stage.client()
    first.say("segment_prompt_source", prompt="a ball")
    await second.hear("queue_status")
    one_too_many = stage.client()
    assert await one_too_many.over() == ["error", "ltx2_stream_complete"]
    assert one_too_many.heard[0]["code"] == "session_rejected"

    stage.pool.info = INFO
    stage.admission.set_slots(1)
    stage.pool.loaded.set()
    await first.hear("ltx2_segment_start")
    told = [message for message in second.heard if message["type"] == "queue_status"]
    assert [(place["position"], place["queue_depth"]) for place in told] == [(1, 2), (0, 1)]
    first.vanish()
    await second.hear("ltx2_stream_start")


async def test_who_leaves_while_the_model_loads_frees_its_place(staged: Staged) -> None:
    stage = staged(slots=0)
    stage.pool.info = None
    client = stage.client()
    client.say("segment_prompt_source", prompt="a ball")
    await client.hear("queue_status")
    client.vanish()
    await client.over()
    assert stage.clean


async def test_a_shutdown_while_the_model_loads_is_told(staged: Staged) -> None:
    stage = staged(slots=0)
    stage.pool.info = None
    client = stage.client()
    await client.hear("queue_status")
    client.connection.shut_down("drained", CloseCode.RESTART, "server_shutdown", tells_state=False)
    assert await client.over() == ["queue_status", "ltx2_stream_complete"]
    assert client.closed == (1012, "server_shutdown")
    assert stage.clean


async def test_a_first_message_that_the_loaded_model_refuses_gives_its_slot_back(
    staged: Staged,
) -> None:
    stage = staged(slots=0)
    stage.pool.info = None
    client = stage.client(width=33)
    await client.hear("queue_status")
    stage.pool.info = INFO
    stage.admission.set_slots(1)
    stage.pool.loaded.set()
    assert (await client.over())[-2:] == ["error", "ltx2_stream_complete"]
    assert client.closed == (1003, "invalid_init")
    assert stage.clean
