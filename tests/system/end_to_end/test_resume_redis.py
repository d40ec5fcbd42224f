"""Two servers that share a Redis: one at a time has a session, and the other goes on with it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.redis_server import RedisServer, redis_server
from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.resuming import (
    PROMPTS,
    Seat,
    saved,
    seated,
    undisturbed,
    watch,
)
from tests.system.end_to_end.serving import Server, matinee_up, running
from tests.system.end_to_end.viewing import messages_of, session
from tests.unit.runtime.worker.stepping import Gate

pytestmark = pytest.mark.redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def pair(start_fake: StartFake, redis: RedisServer) -> tuple[Server, Server]:
    kept = {"store": "redis", "url": redis.url}
    return start_fake(state=kept), start_fake(state=kept)


async def test_a_router_moves_a_session_from_a_server_that_was_killed_and_its_client_sees_one_video(
    pair: tuple[Server, Server], gate: Gate
) -> None:
    """It knows what it forwarded both ways, and says again what the record has not heard."""
    first, second = pair
    whole = await undisturbed(second)
    seat, said = Seat(), [PROMPTS[0], f"second {gate.order}", PROMPTS[2]]
    async with seated(first, seat, seed=5) as viewer:
        await viewer.ask(said[0])
        await watch(viewer, seat, done=1)
        await saved(viewer)
        for prompt in said[1:]:
            await viewer.ask(prompt)
        gate.go(4)
        await watch(viewer, seat, fragments=len(seat.fragments) + 2)
        first.stop(signal.SIGKILL)
    before = len(seat.fragments)
    async with session(second, resume=seat.resume(frames=seat.frames, told=2)) as viewer:
        moved = await viewer.hear("session_migrated")
        heard = moved["resumed"]["heard"]
        assert moved["resumed"] == {
            "segment_idx": 1,
            "frames": seat.frames,
            "requests": [],
            "heard": heard,
        }
        assert heard in (1, 2), "the second message asked for a snapshot"
        for prompt in (PROMPTS[1], said[2]):
            await viewer.ask(prompt)
        await watch(viewer, seat, done=3)
        assert [one["segment_idx"] for one in messages_of(viewer.items, "ltx2_segment_start")] == [
            2
        ]
        assert [one["segment_idx"] for one in messages_of(viewer.items, "media_init")] == [2]
        assert messages_of(viewer.items, "gpu_assigned") == []
    assert seat.fragments == whole
    assert 0 < before < len(whole)
    async with seated(second, Seat(), resume=seat.resume()) as viewer:
        await viewer.segment("its client kept the token")


async def test_a_real_models_video_goes_on_byte_for_byte_after_its_server_was_killed(
    server: Server,
    resources: Path,
    redis: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MATINEE_STORE_URL", redis.url)
    whole = await undisturbed(server, PROMPTS[:2])
    seat, up = Seat(), matinee_up(resources)
    with (
        running(up, tmp_path / "first", ready=False) as first,
        running(up, tmp_path / "second", ready=False) as second,
    ):
        first.wait_until_ready()
        async with seated(first, seat, seed=5) as viewer:
            await viewer.ask(PROMPTS[0])
            await watch(viewer, seat, done=1)
            await saved(viewer)
            await viewer.ask(PROMPTS[1])
            await watch(viewer, seat, fragments=len(seat.fragments) + 1)
            first.stop(signal.SIGKILL)
        second.wait_until_ready()
        first_token = seat.token
        async with seated(second, seat, resume=seat.resume(frames=seat.frames)) as viewer:
            await viewer.ask(PROMPTS[1])
            await watch(viewer, seat, done=2)
        logs = first.log.read_text() + second.log.read_text()
        assert not any(secret in logs for secret in (first_token, seat.token))
    assert seat.fragments == whole


async def test_a_server_that_was_paused_has_lost_the_session_when_it_wakes_up(
    pair: tuple[Server, Server], gate: Gate
) -> None:
    first, second = pair
    seat = Seat()
    async with seated(first, seat, seed=5) as viewer:
        await viewer.ask("one")
        await watch(viewer, seat, done=1)
        await saved(viewer)
        await viewer.ask(f"two {gate.order}")
        await gate.arrival()
        first.process.send_signal(signal.SIGSTOP)
        late = Seat(seat.session_id, seat.token)
        async with seated(second, late, resume=late.resume()) as other:
            first.process.send_signal(signal.SIGCONT)
            gate.go(1000)
            (error,) = messages_of(await viewer.rest(), "error")
            assert (error["code"], viewer.close_code) == ("session_taken_over", 1008)
            await other.segment("another two")
    assert first.metric("matinee_states_not_saved_total", reason="taken_over") == 1


async def test_without_its_store_a_stream_goes_on_and_is_saved_when_the_store_is_back(
    start_fake: StartFake, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as redis:
        server = start_fake(state={"store": "redis", "url": redis.url})
        seat = Seat()
        async with seated(server, seat, seed=5) as viewer:
            await viewer.segment("one")
            assert "notes" not in seat.assigned
            redis.stop()
            await viewer.segment("two")
            await saved(viewer)
            async with seated(server, Seat()) as newcomer:
                await newcomer.segment("a new session plays")
            async with session(server, resume=seat.resume()) as refused:
                (error,) = messages_of(await refused.rest(), "error")
                assert (error["code"], error["retryable"]) == ("session_rejected", True)
                assert "cannot be reached" in error["message"]
            informed = Seat()
            async with seated(server, informed):
                assert "once it is back" in informed.assigned["notes"][0]
            await viewer.segment("three")
            with redis_server(tmp_path):
                await _resumable(server, seat)


async def test_a_store_that_does_not_answer_holds_up_no_viewer(
    start_fake: StartFake, redis: RedisServer
) -> None:
    server = start_fake(state={"store": "redis", "url": redis.url})
    seat = Seat()
    async with seated(server, seat, seed=5) as viewer:
        await viewer.segment("one")
        redis.process.send_signal(signal.SIGSTOP)
        await viewer.segment("two")
        await viewer.segment("three")
        redis.process.send_signal(signal.SIGCONT)
        await _resumable(server, seat)


async def _resumable(server: Server, seat: Seat) -> None:
    """Until what was late is saved."""
    again = Seat(seat.session_id, seat.token)
    while not again.assigned:
        async with session(server, resume=seat.resume()) as viewer:
            heard = await viewer.hear("gpu_assigned", "error")
            again.assigned = heard if heard["type"] == "gpu_assigned" else {}
    assert again.assigned["resumed"]["segment_idx"] == 3
