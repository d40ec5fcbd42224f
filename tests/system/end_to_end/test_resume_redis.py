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
    ask_all,
    saved,
    seated,
    undisturbed,
    watch,
)
from tests.system.end_to_end.serving import Server
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


async def test_a_session_goes_on_byte_for_byte_after_its_server_was_killed(
    pair: tuple[Server, Server], gate: Gate
) -> None:
    first, second = pair
    whole = await undisturbed(second)
    seat = Seat()
    async with seated(first, seat, seed=5) as viewer:
        await ask_all(viewer, PROMPTS[:1])
        await watch(viewer, seat, done=1)
        await saved(viewer)
        await viewer.ask(f"second {gate.order}")
        gate.go(4)
        await watch(viewer, seat, fragments=len(seat.fragments) + 2)
        first.stop(signal.SIGKILL)
    async with seated(second, seat, resume=seat.resume(frames=seat.frames)) as viewer:
        await ask_all(viewer, PROMPTS[1:])
        await watch(viewer, seat, done=3)
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


async def _resumable(server: Server, seat: Seat) -> None:
    """Until what was late is saved."""
    again = Seat(seat.session_id, seat.token)
    while not again.assigned:
        async with session(server, resume=seat.resume()) as viewer:
            heard = await viewer.hear("gpu_assigned", "error")
            again.assigned = heard if heard["type"] == "gpu_assigned" else {}
    assert again.assigned["resumed"]["segment_idx"] == 3
