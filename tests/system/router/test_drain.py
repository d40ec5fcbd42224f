"""Servers that drain or are told to end hand their sessions over, and nobody notices."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.system.end_to_end.resuming import PROMPTS, Seat, seated, undisturbed, watch
from tests.system.end_to_end.serving import PATIENCE_S, Server, fake_server, running
from tests.system.end_to_end.viewing import Viewer, kinds_of, messages_of, session
from tests.system.router.routing import backends, know_slots, routing, sharing
from tests.unit.runtime.worker.stepping import ALL, Gate

STORY = (*PROMPTS, "fourth")


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[list[Server]]:
    """Two that share a store."""
    with sharing(tmp_path, 2) as servers:
        yield servers


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[list[Gate]]:
    """For a segment each."""
    folders = [tmp_path / name for name in ("early", "late")]
    for folder in folders:
        folder.mkdir()
    gates = [Gate(folder) for folder in folders]
    yield gates
    for gate in gates:
        gate.close()


def made(pod: Server) -> float:
    """Segments."""
    return pod.metric("matinee_segments_total")


async def test_a_rolling_update_is_not_noticed(
    pods: list[Server], gates: list[Gate], tmp_path: Path
) -> None:
    """The first one drains, comes back, and the second one is told to end in mid-segment."""
    (first, second), (gate, late_gate) = pods, gates
    whole, seat = await undisturbed(second, STORY), Seat()
    before = made(second)
    urls = [pod.url for pod in pods]
    with routing(tmp_path, urls, strategy="primary-first") as router:
        know_slots(router, urls)
        async with seated(router, seat, seed=5) as viewer, session(router) as idle:
            await idle.segment("a ball")
            await viewer.ask(PROMPTS[0])
            await watch(viewer, seat, done=1)
            await viewer.ask(f"{PROMPTS[1]} {gate.order}")
            await viewer.ask(PROMPTS[2])
            await gate.arrival()
            first.post("/v1/drain", {"deadline_seconds": 600})
            await idle.hear("session_migrated")
            gate.go(ALL)
            await watch(viewer, seat, done=3)
            assert moves_of(viewer) == [("ltx2_segment_complete", "ltx2_segment_start")]
            assert (made(first), made(second) - before) == (3, 1), "nothing was made twice"

            undrain(first)
            router.eventually(lambda: backends(router)[first.url]["takes_new"])
            await viewer.ask(f"{STORY[3]} {late_gate.order}")
            await viewer.hear("ltx2_segment_start")
            second.stop(signal.SIGTERM)
            late_gate.go(ALL)
            await watch(viewer, seat, done=4)
            await idle.segment("a ball")
            items = await viewer.end()
        assert router.metric("matinee_router_lost_total") == 0
        assert router.metric("matinee_router_moved_total") == 4
    assert seat.fragments == whole
    assert len(moves_of(viewer)) == 2
    assert not messages_of(viewer.items, "error")
    assert kinds_of(items)[-1] == "ltx2_stream_complete"
    assert (viewer.close_code, messages_of(items, "ltx2_stream_complete")[0]["reason"]) == (
        1000,
        "stop_requested",
    )


def undrain(pod: Server) -> None:
    httpx.delete(pod.url + "/v1/drain", timeout=PATIENCE_S)


def moves_of(viewer: Viewer) -> list[tuple[str, str]]:
    """What stands before and behind each `session_migrated`, but for what says that it drains."""
    kinds = [kind for kind in kinds_of(viewer.items) if kind != "draining"]
    places = [at for at, kind in enumerate(kinds) if kind == "session_migrated"]
    return [(kinds[at - 1], kinds[at + 1]) for at in places]


async def test_a_session_that_no_other_server_could_go_on_with_is_drained_as_ever(
    tmp_path: Path,
) -> None:
    """Its server keeps it in memory."""
    with ExitStack() as stack:
        pods = [
            stack.enter_context(running(fake_server(), tmp_path / f"log-{index}"))
            for index in range(2)
        ]
        urls = [pod.url for pod in pods]
        with routing(tmp_path, urls, strategy="primary-first") as router:
            know_slots(router, urls)
            async with session(router) as viewer:
                await viewer.segment("a ball")
                pods[0].post("/v1/drain", {"deadline_seconds": 0})
                items = await viewer.rest()
    assert messages_of(items, "ltx2_stream_complete")[0]["reason"] == "drained"
    assert viewer.close_code == 1012
