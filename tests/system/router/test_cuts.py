"""Connections end after each single frame in turn: none is lost, none comes twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.system.end_to_end.resuming import (
    PROMPTS,
    Seat,
    ask_all,
    back,
    saved,
    seated,
    undisturbed,
    watch,
)
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import Viewer, kinds_of, messages_of
from tests.system.router.cutting import cutting
from tests.system.router.routing import know_slots, routing, sharing

WITHIN_A_SEGMENT = {
    *("ltx2_segment_start", "step_complete", "media_init", "video"),
    *("media_segment_complete", "ltx2_segment_complete"),
}


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two of them, which share a store."""
    with sharing(tmp_path_factory.mktemp("cuts"), 2, max_sessions=100) as servers:
        yield servers


@pytest.fixture
async def whole(pods: list[Server]) -> list[bytes]:
    return await undisturbed(pods[1])


async def test_a_viewer_who_is_cut_off_after_any_frame_gets_the_rest(
    pods: list[Server], whole: list[bytes], tmp_path: Path
) -> None:
    cuts = range(1, await frames_to_cut(pods[1]))
    urls = [pod.url for pod in pods]
    with routing(tmp_path, urls) as router:
        know_slots(router, urls)
        seats = await asyncio.gather(*(cut_off_after(router, frames) for frames in cuts))
    for seat in seats:
        assert seat.fragments == whole
    assert {seat.last_kind for seat in seats} >= WITHIN_A_SEGMENT


class CutSeat(Seat):
    """`last_kind`: what came last before the cut."""

    last_kind = ""


async def cut_off_after(router: Server, frames: int) -> CutSeat:
    """Counted from its question for the state on."""
    seat = CutSeat()
    async with begun(router, seat) as viewer:
        await watch(viewer, seat, items=len(viewer.items) + frames, done=len(PROMPTS))
        viewer.vanish()
    seat.last_kind = kinds_of(viewer.items)[-1]
    async with back(router, seat) as viewer:
        await watch(viewer, seat, done=len(PROMPTS))
    return seat


@asynccontextmanager
async def begun(server: Server, seat: Seat) -> AsyncIterator[Viewer]:
    """One segment is played and its state is saved; the others are asked for."""
    async with seated(server, seat, seed=5) as viewer:
        await ask_all(viewer, PROMPTS[:1])
        await watch(viewer, seat, done=1)
        await saved(viewer)
        await ask_all(viewer, PROMPTS[1:])
        yield viewer


async def test_a_viewer_whose_server_is_cut_off_after_any_frame_notices_nothing_but_the_move(
    pods: list[Server], whole: list[bytes], tmp_path: Path
) -> None:
    """The server lives on, and has lost the session to another connection."""
    seats = [Seat() for _ in range(await frames_to_cut(pods[1]))]
    with cutting(pods[0]) as cuts:
        urls = [cuts.url, pods[1].url]
        with routing(tmp_path, urls, strategy="primary-first") as router:
            know_slots(router, urls)
            viewers = await asyncio.gather(*(seen_to_the_end(router, seat) for seat in seats))
            assert router.metric("matinee_router_lost_total") == 0
    assert set(cuts.last_kinds) >= WITHIN_A_SEGMENT
    for seat, viewer in zip(seats, viewers, strict=True):
        assert seat.fragments == whole
        told = Counter(kinds_of(viewer.items))
        for kind in ("ltx2_segment_start", "media_segment_complete", "ltx2_segment_complete"):
            assert told[kind] == len(PROMPTS), kind
        for kind in ("continuation_state_snapshot", "ltx2_stream_complete"):
            assert told[kind] == 1, kind
        assert not told["error"]
        assert viewer.close_code == 1000
    moved = sum(len(messages_of(viewer.items, "session_migrated")) for viewer in viewers)
    assert moved == len(cuts.last_kinds) - cuts.last_kinds.count("ltx2_stream_complete")


async def seen_to_the_end(server: Server, seat: Seat) -> Viewer:
    async with begun(server, seat) as viewer:
        await watch(viewer, seat, done=len(PROMPTS))
        await viewer.end()
    return viewer


async def frames_to_cut(server: Server) -> int:
    """How many there are behind the answer to the question for the state."""
    kinds = kinds_of((await seen_to_the_end(server, Seat())).items)
    return len(kinds) - 1 - kinds.index("continuation_state_snapshot")
