from __future__ import annotations

import asyncio

import pytest

from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import Viewer, messages_of, raw, segments_of, session
from tests.unit.runtime.media.mp4_reading import video_frames
from tests.unit.runtime.worker.stepping import ALL, FEW, Gate, step_until

ROUND_TRIPS = 20
LONG = {"num_frames": 49, "num_inference_steps": 4}
"""Several chunks: there is time to do something in between."""


async def test_a_killed_worker_costs_a_session_nothing_but_time(server: Server) -> None:
    async with session(server, seed=21, num_inference_steps=2) as viewer:
        undisturbed = [await viewer.segment("a ball"), await viewer.segment("a ball", **LONG)]
    restarts = server.metric("matinee_worker_restarts_total")
    async with session(server, seed=21, num_inference_steps=2) as viewer:
        first = await viewer.segment("a ball")
        await viewer.ask("a ball", **LONG)
        await viewer.hear("media_init")
        server.worker().kill()
        await viewer.hear("ltx2_segment_complete")
        last = await viewer.segment("a ball")
        await viewer.end()
    second = segments_of(viewer.items)[1]
    steps = [message["step"] for message in messages_of(list(second.messages), "step_complete")]
    assert steps != sorted(steps)  # it was in mid-segment: another one began anew
    assert first.binaries == undisturbed[0].binaries
    assert second.binaries == undisturbed[1].binaries
    assert last.fragments
    assert viewer.close_code == 1000
    assert restarts + 1 == server.metric("matinee_worker_restarts_total")
    assert server.get("/readyz").status_code == 200


async def test_a_cancel_that_meets_a_workers_death_goes_on_from_what_was_shown(
    start_fake: StartFake, gate: Gate
) -> None:
    server = start_fake()
    undisturbed = await _cancelled_in_the_second_chunk(server, gate, gate.order)
    order = f"{gate.order} kill@6={server.log.parent / 'tally'}"
    disturbed = await _cancelled_in_the_second_chunk(server, gate, order)
    assert server.metric("matinee_worker_restarts_total") == 1
    assert disturbed == undisturbed


async def _cancelled_in_the_second_chunk(server: Server, gate: Gate, order: str) -> list[bytes]:
    """What the viewer gets of the next segment. The engine makes four steps a chunk."""
    async with session(server, seed=5) as viewer:
        await viewer.ask(order, num_frames=49)
        for _ in range(5):
            await gate.arrival()
            gate.go()
        await gate.arrival()  # it is in the sixth step now
        await viewer.hear("media_init")
        await viewer.say("segment_cancel")
        await viewer.say("snapshot_state")
        await viewer.hear("error")  # there is none; the cancel before it has been passed on
        await step_until(gate, viewer.hear("segment_cancelled"))
        segment = await viewer.segment("second")
        await viewer.end()
    return segment.binaries


@pytest.mark.parametrize(("end", "workers"), [("kill", 2), ("crash", 1), ("hang", 1)])
async def test_a_deadly_request_is_refused_and_everybody_goes_on(
    start_fake: StartFake, end: str, workers: int
) -> None:
    """Its sender too, from the state before. Nobody gets another worker for it."""
    server = start_fake(pool={"hang_timeout_seconds": 1.0, "max_restarts": 0})
    tally = server.log.parent / "tally"
    deadly = f"{end}@2={tally} times=9"
    async with session(server, seed=3) as viewer:
        undisturbed = [await viewer.segment("a ball") for _ in range(2)]
    async with session(server, seed=3) as viewer, session(server, seed=3) as other:
        first = [await viewer.segment("a ball"), await other.segment("a ball")]
        await viewer.ask(deadly, request_id="deadly")
        await other.ask("a ball")
        error = await viewer.hear("error")
        second = await viewer.segment("a ball")
        await other.hear("ltx2_segment_complete")
    told = error["code"], error["retryable"], error["request_id"]
    assert told == ("worker_failed", False, "deadly")
    assert [segment.binaries for segment in first] == [undisturbed[0].binaries] * 2
    assert second.binaries == segments_of(other.items)[1].binaries == undisturbed[1].binaries
    async with session(server) as again:
        await again.ask(deadly)
        assert (await again.hear("error"))["code"] == "worker_failed"
    assert tally.read_bytes() == b"." * workers
    assert server.get("/healthz").status_code == 200


async def test_a_session_that_two_workers_died_of_ends(start_fake: StartFake) -> None:
    server = start_fake()
    async with session(server) as viewer:
        await viewer.segment("a ball")  # so that it is not their size
        for name in ("one", "two"):
            await viewer.ask(f"crash@1={server.log.parent / name}")
        items = await viewer.rest()
    assert [error["code"] for error in messages_of(items, "error")] == ["worker_failed"] * 2
    assert items[-1] == {"type": "ltx2_stream_complete", "reason": "error"}
    assert viewer.close_code == 1011


async def test_the_gpu_stops_when_the_viewer_vanishes(fake: Server, gate: Gate) -> None:
    before = fake.metric("matinee_segments_total", outcome="cancelled")
    vanished = fake.metric("matinee_sessions_ended_total", reason="vanished")
    async with session(fake) as viewer:
        await viewer.ask(gate.order, num_inference_steps=200)
        await gate.arrival()
        viewer.vanish()
    for _ in range(ROUND_TRIPS):
        fake.get("/healthz")  # the server has noticed by then
    await step_until(gate, asyncio.to_thread(fake.wait_until_idle))
    assert gate.permitted <= 1 + FEW
    assert before + 1 == fake.metric("matinee_segments_total", outcome="cancelled")
    assert vanished + 1 == fake.metric("matinee_sessions_ended_total", reason="vanished")
    assert fake.get("/status").json()["gpu_status"]["0"]["client_count"] == 0


async def test_viewers_that_vanish_leave_nothing_behind(fake: Server) -> None:
    async with session(fake) as viewer:
        await viewer.segment("a ball")
    fake.wait_until_idle()
    fake.get("/healthz")
    tasks, files = fake.count("tasks"), fake.family()[0].num_fds()
    for when in ("queue_status", "ltx2_segment_start", "step_complete", "media_init") * 3:
        async with session(fake) as viewer:
            await viewer.ask("a ball", num_frames=257)
            await viewer.hear(when)
            viewer.vanish()
    fake.wait_until_idle()
    fake.eventually(lambda: fake.count("tasks") <= tasks and fake.family()[0].num_fds() <= files)


async def test_a_viewer_that_does_not_read_harms_nobody(start_fake: StartFake, gate: Gate) -> None:
    """It is told what it missed, and goes on at an IDR."""
    server = start_fake(limits={"send_queue_bytes": 65536}, generation_segment_cap=0)
    size = {"width": 128, "height": 128, "num_frames": 257, "num_inference_steps": 1}
    async with session(server, seed=1) as other:
        alone = await other.segment("a ball")
    async with raw(server, receive_buffer_bytes=32768) as slow:
        await slow.say("session_init_v2", seed=1, **size)
        await slow.segment("a ball")
        memory = server.family()[0].memory_info().rss
        for _ in range(3):
            await slow.ask("a ball")
        server.eventually(lambda: server.metric("matinee_segments_total", outcome="done") == 5)
        assert server.metric("matinee_viewer_skipped_seconds_total") > 20
        async with session(server, seed=1) as other:
            beside = await other.segment("a ball")
        assert server.family()[0].memory_info().rss < memory + 30 * 2**20
        assert alone.binaries == beside.binaries
        for _ in range(3):
            await slow.hear("ltx2_segment_complete")

        await slow.ask(gate.order)
        skipped = server.metric("matinee_viewer_skipped_seconds_total")
        gate.go(20)
        for _ in range(21):
            await gate.arrival()
        assert server.metric("matinee_viewer_skipped_seconds_total") > skipped + 1
        await slow.say("snapshot_state")
        await slow.hear("continuation_state_snapshot")  # all that waited before it is read
        gate.go(ALL)
        await slow.hear("viewer_lagging")
        await slow.hear("ltx2_segment_complete")
        _check_goes_on_at_an_idr(slow)
        await slow.end()
    assert slow.close_code == 1000
    async with raw(server, receive_buffer_bytes=32768) as never_reads:
        await never_reads.say("session_init_v2", seed=1, **size)
        await never_reads.ask("a ball")
        server.eventually(lambda: server.metric("matinee_segments_total", outcome="done") == 8)
        assert server.stop() == 0  # one that never reads holds up nothing
        never_reads.vanish()


def _check_goes_on_at_an_idr(viewer: Viewer) -> None:
    init = segments_of(viewer.items)[0].init
    skipped_ms = 0.0
    for index, item in enumerate(viewer.items):
        if isinstance(item, dict) and item["type"] == "viewer_lagging":
            skipped_ms += item["skipped_ms"]
            fragment = viewer.items[index + 1]
            assert isinstance(fragment, bytes)
            assert video_frames(init + fragment)[0].key_frame
    assert skipped_ms > 20_000
