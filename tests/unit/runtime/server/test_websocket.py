from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from matinee.errors import LeaseLost, StoreUnavailable
from matinee.media.i420 import I420Picture
from matinee.server import websocket
from matinee.server.websocket_outlet import SendLimits
from matinee.session.effects import CloseCode
from matinee.session.opened import Opened
from matinee.session.reception import open_session
from matinee.session.saved_record import from_saved
from matinee.store.base import Lease
from tests.unit.runtime.session.making import INFO
from tests.unit.runtime.session.staging import Stage, Staged, turns


def ended(stage: Stage, reason: str) -> float:
    value = stage.metrics.registry.get_sample_value(
        "matinee_sessions_ended_total", {"reason": reason}
    )
    return value or 0.0


async def test_a_session_from_its_start_to_its_cap(staged: Staged) -> None:
    stage = staged(generation_segment_cap=1)
    client = stage.client()
    client.say("segment_prompt_source", prompt="a ball")
    await client.hear("ltx2_segment_start")
    stage.pool.jobs[0].make_all()

    assert await client.over() == [
        "queue_status",
        "gpu_assigned",
        "ltx2_stream_start",
        "ltx2_segment_start",
        "media_init",
        "media_segment_complete",
        "ltx2_segment_complete",
        "continuation_state_snapshot",
        "ltx2_stream_complete",
    ]
    assert client.closed == (1000, "segment_cap")
    assert stage.clean
    assert ended(stage, "segment_cap") == 1


async def test_no_init_in_time_is_a_timeout(staged: Staged) -> None:
    stage = staged(session_timeout_seconds=0.01)
    client = stage.visitor()
    assert await client.over() == ["session_timeout", "ltx2_stream_complete"]
    assert client.closed == (1000, "session_timeout")
    assert stage.clean


@pytest.mark.parametrize("when", ["before its init", "waiting", "idle", "in a segment"])
async def test_a_viewer_who_vanishes_leaves_nothing_behind(staged: Staged, when: str) -> None:
    stage = staged(slots=0 if when == "waiting" else 1)
    client = stage.visitor()
    if when != "before its init":
        client.say("session_init_v2")
        await client.hear("queue_status" if when == "waiting" else "ltx2_stream_start")
    if when == "in a segment":
        client.say("segment_prompt_source", prompt="a ball")
        client.say("segment_prompt_source", prompt="waits")
        await client.hear("ltx2_segment_start")
    client.vanish()
    await client.over()
    assert stage.clean
    assert ended(stage, "vanished") == 1
    assert [job.cancels > 0 for job in stage.pool.jobs] == ([True] if stage.pool.jobs else [])


@pytest.mark.parametrize("code", [1000, 1001, 1005])
async def test_a_viewer_who_closes_the_socket_has_not_vanished(staged: Staged, code: int) -> None:
    stage = staged()
    client = stage.client()
    await client.hear("ltx2_stream_start")
    client.vanish(code)
    await client.over()
    assert stage.clean
    assert (ended(stage, "vanished"), ended(stage, "stop_requested")) == (0, 1)


async def test_a_viewer_who_leaves_the_queue_lets_the_others_move_up(staged: Staged) -> None:
    stage = staged(slots=0)
    first, second = stage.client(), stage.client()
    await second.hear("queue_status")
    first.vanish()
    await first.over()
    await turns()
    assert second.heard[-1] == {"type": "queue_status", "position": 0, "queue_depth": 1}
    assert stage.admission.waiting == 1


async def test_session_end_while_waiting_ends_at_once(staged: Staged) -> None:
    stage = staged(slots=0)
    client = stage.client()
    await client.hear("queue_status")
    client.say("session_end")
    assert (await client.over())[-1] == "ltx2_stream_complete"
    assert client.closed == (1000, "session_end")
    assert stage.clean


async def test_a_full_queue_turns_away_with_a_time_to_come_back(staged: Staged) -> None:
    stage = staged(slots=0, max_queue=0)
    client = stage.client()
    await client.over()
    assert client.heard[0]["code"] == "session_rejected"
    assert client.heard[0]["retryable"] is True
    assert client.heard[0]["retry_after_seconds"] > 0
    assert client.heard[1] == {"type": "ltx2_stream_complete", "reason": "error"}
    assert client.closed == (1013, "session_rejected")


async def test_no_slot_in_time_is_told(staged: Staged) -> None:
    stage = staged(slots=0, session_timeout_seconds=0.05)
    client = stage.client()
    await client.over()
    assert client.heard[-2]["code"] == "gpu_unavailable"
    assert client.closed == (1013, "gpu_unavailable")
    assert stage.clean


@pytest.mark.parametrize("when", ["binding", "loading"])
async def test_without_a_worker_a_viewer_is_told_no_details(staged: Staged, when: str) -> None:
    stage = staged()
    stage.pool.gpu = None
    if when == "loading":
        stage.pool.info = None
        stage.pool.loaded.set()
    client = stage.client()
    await client.over()
    error = client.heard[-2]
    assert (error["code"], error["retryable"]) == ("gpu_unavailable", True)
    assert error["message"] == "no worker is able to run the model"
    assert client.closed == (1013, "gpu_unavailable")
    assert stage.clean


async def test_a_worker_that_is_lost_before_a_segment_ends_the_session(staged: Staged) -> None:
    stage = staged()
    client = stage.client()
    await client.hear("ltx2_stream_start")
    stage.pool.gpu = None
    client.say("segment_prompt_source", prompt="a ball", request_id="r1")
    await client.over()
    error, complete = client.heard[-2:]
    assert (error["code"], error["request_id"], error["retryable"]) == ("worker_failed", "r1", True)
    assert complete["reason"] == "error"
    assert client.closed == (1011, "worker_failed")
    assert stage.clean


async def test_a_session_that_moves_to_another_gpu_is_told(staged: Staged) -> None:
    stage = staged()
    client = stage.client()
    assigned = await client.hear("gpu_assigned")
    stage.pool.gpu = 3
    for _ in range(2):
        client.say("segment_prompt_source", prompt="a ball")
    migrated = await client.hear("session_migrated")
    assert migrated["session_id"] == assigned["session_id"]
    stage.pool.jobs[0].make_all()
    await client.hear("ltx2_segment_start", 2)
    assert sum(message["type"] == "session_migrated" for message in client.heard) == 1
    client.vanish()
    await client.over()


async def test_a_cancel_reaches_a_segment_that_has_only_just_begun(staged: Staged) -> None:
    """The two messages were in the socket at once."""
    stage = staged()
    client = stage.client()
    await client.hear("ltx2_stream_start")
    client.say("segment_prompt_source", prompt="a ball")
    client.say("segment_cancel")
    assert (await client.hear("segment_cancelled"))["segment_idx"] == 0
    assert stage.pool.jobs[0].cancels
    client.vanish()
    await client.over()


async def test_a_mistake_of_ours_is_told_without_details(
    staged: Staged, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = staged()
    client = stage.client()
    client.say("segment_prompt_source", prompt="a ball")
    await client.hear("ltx2_segment_start")
    (job,) = stage.pool.jobs

    def broken(_event: object) -> list[I420Picture]:
        raise ZeroDivisionError("internal details")

    monkeypatch.setattr(job, "pictures", broken)
    with caplog.at_level(logging.ERROR):
        job.make_all()
        await client.over()

    error, complete = client.heard[-2:]
    assert (error["code"], error["retryable"]) == ("internal_error", False)
    assert "details" not in error["message"]
    assert complete == {"type": "ltx2_stream_complete", "reason": "error"}
    assert client.closed == (1011, "internal_error")
    assert "ZeroDivisionError" in caplog.text
    assert job.cancels, "frames that nobody fetches would hold slots of the ring"
    assert stage.admission.taken == 0
    assert ended(stage, "error") == 1


async def test_a_store_that_is_gone_does_not_end_the_session(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = staged(generation_segment_cap=1)

    async def gone(_store: object, _session: str, _owner: str) -> Lease:
        raise StoreUnavailable("connection refused")

    monkeypatch.setattr(type(stage.store), "claim", gone)
    client = stage.client()
    client.say("segment_prompt_source", prompt="a ball")
    await client.hear("ltx2_segment_start")
    stage.pool.jobs[0].make_all()
    assert "continuation_state_snapshot" in await client.over()
    assert client.closed == (1000, "segment_cap")


async def test_a_session_leaves_its_record_and_gives_up_its_lease(staged: Staged) -> None:
    stage = staged(generation_segment_cap=2)
    client = stage.client(seed=7)
    session_id = (await client.hear("gpu_assigned"))["session_id"]
    client.say("segment_prompt_source", prompt="a ball")
    await client.hear("ltx2_segment_start")
    stage.pool.jobs[0].make_all()
    await client.hear("ltx2_segment_complete")
    client.say("session_end")
    await client.over()
    saved = await stage.store.load(session_id)
    assert saved is not None
    record = from_saved(saved)
    assert (saved.segment, record.turns.completed, record.seed) == (1, 1, 7)
    assert record.state is not None
    with pytest.raises(LeaseLost, match="it was given up"):
        await stage.store.save(Lease(session_id, "test", 1), 2, b"", {})


@pytest.mark.parametrize("when", ["before its init", "loading", "waiting", "idle", "in a segment"])
async def test_shutdown_is_told_wherever_the_session_is(staged: Staged, when: str) -> None:
    stage = staged(slots=0 if when == "waiting" else 1)
    if when == "loading":
        stage.pool.info = None
    client = stage.visitor()
    if when != "before its init":
        client.say("session_init_v2")
    if when in ("idle", "in a segment"):
        await client.hear("ltx2_stream_start")
    if when == "waiting":
        await client.hear("queue_status")
    if when == "in a segment":
        client.say("segment_prompt_source", prompt="a ball")
        await client.hear("ltx2_segment_start")
    await turns()
    client.connection.shut_down("drained", CloseCode.RESTART, "server_shutdown", tells_state=False)
    assert (await client.over())[-1] == "ltx2_stream_complete"
    assert client.heard[-1]["reason"] == "drained"
    assert client.closed == (1012, "server_shutdown")
    assert stage.clean


async def test_a_session_ended_while_it_opened_takes_no_slot(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = asyncio.Event()

    async def watched(*arguments: Any) -> Opened:
        made = await open_session(*arguments)
        opened.set()
        return made

    monkeypatch.setattr(websocket, "open_session", watched)
    stage = staged()
    stage.pool.info = None
    client = stage.client()
    await turns()
    client.reads.clear()
    client.connection.shut_down("drained", CloseCode.RESTART, "server_shutdown", tells_state=False)
    stage.pool.info = INFO
    stage.pool.loaded.set()
    await opened.wait()
    await turns()
    client.reads.set()
    await client.over()
    assert stage.clean
    assert client.heard[-1]["type"] == "ltx2_stream_complete"


async def test_frames_made_after_the_end_are_not_sent(staged: Staged) -> None:
    stage = staged()
    client = stage.client()
    client.say("segment_prompt_source", prompt="a ball")
    await client.hear("ltx2_segment_start")
    client.reads.clear()
    client.say("session_end")
    await turns()
    stage.pool.jobs[0].make_all()
    await turns()
    client.reads.set()
    await client.over()
    assert client.heard[-1]["type"] == "ltx2_stream_complete"
    assert client.binaries == 0
    assert client.closed == (1000, "session_end")


async def test_a_viewer_who_does_not_read_the_end_is_hung_up_on(staged: Staged) -> None:
    stage = staged()
    stage.send_limits = SendLimits(2**20, closing_s=0.05)
    client = stage.client()
    await client.hear("ltx2_stream_start")
    client.reads.clear()
    client.say("session_end")
    await asyncio.wait([client.task], timeout=20)
    assert stage.clean


async def test_a_slow_viewer_is_told_the_end_past_what_waits(staged: Staged) -> None:
    stage = staged()
    stage.send_limits = SendLimits(2**20, closing_s=0.2)
    client = stage.client()
    await client.hear("ltx2_stream_start")
    client.reads.clear()
    client.say("session_end")
    await turns()
    await asyncio.wait([client.task], timeout=0.25)
    client.reads.set()
    await client.over()
    assert client.heard[-1] == {"type": "ltx2_stream_complete", "reason": "stop_requested"}
    assert client.closed == (1000, "session_end")


async def test_a_viewer_who_asks_and_never_reads_is_given_up(staged: Staged) -> None:
    stage = staged()
    stage.send_limits = SendLimits(2**20, messages=10, closing_s=0.05)
    client = stage.client()
    await client.hear("ltx2_stream_start")
    client.reads.clear()
    for _ in range(50):
        client.say("snapshot_state")
    await asyncio.wait([client.task], timeout=20)
    assert client.task.done()
    assert stage.clean
    assert ended(stage, "error") == 1


@pytest.mark.parametrize(
    "error", [RuntimeError("after sending close"), OSError("gone"), WebSocketDisconnect(1006)]
)
async def test_a_socket_that_the_server_has_closed_is_a_viewer_who_is_gone(
    staged: Staged, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    stage = staged()
    client = stage.client()
    await client.hear("ltx2_stream_start")
    client.closed_by_server = error
    with caplog.at_level(logging.ERROR):
        client.say("snapshot_state")
        await client.over()
    assert stage.clean
    assert caplog.records == []
    assert ended(stage, "vanished") == 1


async def test_a_viewer_who_is_gone_before_the_answer_is_no_error(
    staged: Staged, caplog: pytest.LogCaptureFixture
) -> None:
    stage = staged()
    client = stage.visitor()
    client.closed_by_server = OSError("gone")
    with caplog.at_level(logging.ERROR):
        await client.over()
    assert caplog.records == []
    assert stage.clean


async def test_draining_is_told_to_those_who_have_opened(staged: Staged) -> None:
    stage = staged()
    opened, unopened = stage.client(), stage.visitor()
    await opened.hear("ltx2_stream_start")
    for one in (opened, unopened):
        one.connection.drain(30.0)
    assert (await opened.hear("draining"))["deadline_seconds"] == 30.0
    assert unopened.heard == []
    for one in (opened, unopened):
        one.vanish()
        await one.over()
