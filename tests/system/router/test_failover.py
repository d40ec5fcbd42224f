"""Servers die in the midst of sessions, and their viewers see one video through one WebSocket."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.system.end_to_end.resuming import (
    PROMPTS,
    Seat,
    ask_all,
    saved,
    seated,
    undisturbed,
    watch,
)
from tests.system.end_to_end.serving import Server, fake_server, running
from tests.system.end_to_end.viewing import Viewer, kinds_of, messages_of, segments_of, session
from tests.system.router.routing import backends, know_slots, routing, sharing
from tests.unit.runtime.worker.stepping import ALL, Gate


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[list[Server]]:
    """Three of them, which share a store and may end."""
    with sharing(tmp_path, 3, max_sessions=8) as servers:
        yield servers


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def told_once(viewer: Viewer) -> None:
    """Each segment's begin and end, as if nothing had happened."""
    for kind in ("ltx2_segment_start", "media_segment_complete", "ltx2_segment_complete"):
        told = [one["segment_idx"] for one in messages_of(viewer.items, kind)]
        assert told == list(range(len(PROMPTS))), kind


async def test_sessions_of_killed_servers_go_on_byte_for_byte(
    pods: list[Server], gate: Gate, tmp_path: Path
) -> None:
    whole = await undisturbed(pods[2])
    replicas: list[dict[str, Any]] = [{"url": pod.url} for pod in pods]
    with routing(tmp_path, replicas, strategy="primary-first") as router:
        know_slots(router, [pod.url for pod in pods])
        await one_in_the_midst_of_a_segment(router, pods[0], gate, whole)
        router.eventually(lambda: not backends(router)[pods[0].url]["takes_new"])
        await eight_at_once(router, pods[1], whole)
        assert router.metric("matinee_router_moved_total") >= 8
        assert router.metric("matinee_router_lost_total") == 0


async def one_in_the_midst_of_a_segment(
    router: Server, pod: Server, gate: Gate, whole: list[bytes]
) -> None:
    seat = Seat()
    async with seated(router, seat, seed=5) as viewer:
        await viewer.ask(PROMPTS[0])
        await watch(viewer, seat, done=1)
        await saved(viewer)
        await viewer.ask(f"{PROMPTS[1]} {gate.order}")
        await viewer.ask(PROMPTS[2])
        await saved(viewer)  # the record has not heard this question, but it was answered
        gate.go(4)
        await watch(viewer, seat, fragments=len(seat.fragments) + 1)
        pod.process.send_signal(signal.SIGKILL)
        gate.go(ALL)
        await watch(viewer, seat, done=3)
        (moved,) = messages_of(viewer.items, "session_migrated")
        assert moved["session_id"] == seat.session_id
        assert 0 < moved["gap_ms"] < 30_000
        assert "resumed" not in moved
        told_once(viewer)
        assert len(messages_of(viewer.items, "continuation_state_snapshot")) == 2
        assert not messages_of(viewer.items, "error")
        assert seat.fragments == whole
        items = await viewer.end()
    assert kinds_of(items)[-1] == "ltx2_stream_complete"
    assert viewer.close_code == 1000


async def eight_at_once(router: Server, pod: Server, whole: list[bytes]) -> None:
    """Killed while the last prompts of all are on their way."""
    async with AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(session(router, seed=5)) for _ in range(8)]
        for viewer in viewers:
            await viewer.ask(PROMPTS[0])
            await viewer.hear("ltx2_segment_start")
            await saved(viewer)
        for viewer in viewers:
            await ask_all(viewer, PROMPTS[1:])
        pod.process.send_signal(signal.SIGKILL)
        for viewer in viewers:
            while len(messages_of(viewer.items, "ltx2_segment_complete")) < len(PROMPTS):
                await viewer.hear("ltx2_segment_complete")
            told_once(viewer)
            segments = segments_of(viewer.items)
            assert [one for segment in segments for one in segment.fragments] == whole


async def test_a_session_that_no_other_server_knows_ends_with_an_error(
    pods: list[Server], tmp_path: Path
) -> None:
    """Here the other one has a store of its own."""
    with running(fake_server(), tmp_path / "log") as stranger:
        replicas = [{"url": pods[0].url, "primary": True}, {"url": stranger.url}]
        with routing(tmp_path, replicas) as router:
            know_slots(router, [pods[0].url, stranger.url])
            async with session(router) as viewer:
                await viewer.segment(PROMPTS[0])
                pods[0].process.send_signal(signal.SIGKILL)
                items = await viewer.rest()
    assert kinds_of(items)[-2:] == ["error", "ltx2_stream_complete"]
    (error,) = messages_of(items, "error")
    assert (error["code"], error["retryable"]) == ("worker_failed", True)
    assert (viewer.close_code, viewer.close_reason) == (1011, "backend_lost")
