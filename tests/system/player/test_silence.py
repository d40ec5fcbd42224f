"""A machine that vanishes closes no connection: the page has to notice by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.system.end_to_end.serving import fake_server, running
from tests.system.end_to_end.viewing import session
from tests.system.player.browser import errors_of, submit, until
from tests.system.player.silent_network import network
from tests.system.router.routing import know_slots, routing

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def heard(kind: str) -> str:
    return f"matinee.events.filter((one) => one.type === '{kind}')"


async def told(tab: Page, kind: str, *names: str) -> list[list[Any]]:
    """These fields of each such message."""
    found: list[dict[str, Any]] = await tab.evaluate(heard(kind))
    return [[one.get(name) for name in names] for one in found]


async def test_who_hears_nothing_more_is_back_at_the_same_place_and_in_the_same_session(
    tab: Page, tmp_path: Path
) -> None:
    """In the queue, and with a prompt that nobody has acknowledged."""
    with (
        running(fake_server(max_sessions=2), tmp_path / "log") as pod,
        routing(tmp_path, [pod.url], heartbeat_seconds=0.5) as router,
    ):
        know_slots(router, [pod.url])
        async with network(router) as between, session(router) as one, session(router) as other:
            await one.hear("ltx2_stream_start")
            await other.hear("ltx2_stream_start")
            await tab.goto(f"{between.url}/player")
            await until(tab, "matinee.state.phase === 'queued'")
            between.go_silent()
            await until(tab, f"{heard('closed')}.length >= 1")
            await until(tab, "matinee.state.phase === 'queued'")
            places = await told(tab, "queue_status", "queue_token", "position")
            await one.end()
            await other.end()
            await until(tab, "matinee.state.phase === 'ready'")
            between.go_silent()
            await submit(tab, "a red ball")
            await until(tab, "matinee.state.segments[0]?.status === 'done'")
            await until(tab, "matinee.state.ranges.length === 1")  # what is appended takes a moment
            ends = await told(tab, "closed", "code", "reason")
            resumed = [found for (found,) in await told(tab, "gpu_assigned", "resumed")]
            state = await tab.evaluate("matinee.state")
            assert await errors_of(tab) == []
    assert len(places) >= 2
    assert len({token for token, _ in places}) == 1
    assert {position for _, position in places} == {0}
    assert {tuple(end) for end in ends} == {(1006, "silent")}
    assert resumed[0] is None
    assert all(resumed[1:])
    assert len(resumed) >= 2
    assert (len(state["segments"]), state["requests"]) == (1, 0)
