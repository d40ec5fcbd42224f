"""When something goes wrong the page says it in words and goes on when it can."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from matinee.client import StreamClient
from tests.browser import Page
from tests.runtime.player.serving import QUICKSTART, Server, matinee_up, resources_with

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RED = "a red ball moving left on a blue background"
TITLE = "document.getElementById('problem-title').textContent"


async def submit(page: Page, prompt: str) -> None:
    await page.evaluate("document.getElementById('prompt').focus()")
    await page.type(prompt)
    await page.press("Enter")


async def test_a_killed_server_is_told_and_the_video_goes_on_when_it_is_back(tab: Page) -> None:
    async with matinee_up(QUICKSTART) as first:
        port = first.port
        await tab.goto(f"{first.url}/player")
        await submit(tab, RED)
        await tab.wait_for("matinee.state.segments[0]?.status === 'done' && matinee.state.saved")
        await first.kill()
        await tab.wait_for("matinee.state.problem?.name === 'unreachable'")
        assert "be reached" in await tab.evaluate(TITLE)
        await submit(tab, RED)
    async with matinee_up(QUICKSTART, port):
        await tab.wait_for("matinee.state.segments[1]?.status === 'done'", timeout_s=60)
        await tab.wait_for("matinee.state.currentTime > matinee.state.segments[1].mediaStart")
        state = await tab.evaluate("matinee.state")
    assert state["problem"] is None
    assert len(state["ranges"]) == 1, "the new connection's video joins the old"
    # A segment that goes on shares its first frame with the video before it.
    durations = [segment["durationMs"] for segment in state["segments"]]
    assert durations == [2125, 2000], "the state was taken up again"


async def test_a_full_house_is_told_and_a_seat_is_taken_when_one_is_free(
    tab: Page, tmp_path: Path
) -> None:
    resources = resources_with(tmp_path, maxPerPod=1, maxQueue=1, segmentCap=1)
    async with matinee_up(resources) as small, contextlib.AsyncExitStack() as others:
        seated = await others.enter_async_context(StreamClient.connect(small.url))
        await seated.receive()
        async with StreamClient.connect(small.url) as waiting:
            await waiting.receive()
            await tab.goto(f"{small.url}/player")
            await tab.wait_for(f"{TITLE} === 'The house is full'")
            assert "Next try in" in await tab.evaluate(
                "document.getElementById('problem-detail').textContent"
            )
        await tab.evaluate("document.getElementById('problem-action').click()")
        await tab.wait_for("doing.textContent === 'Next in line'")
        await others.aclose()
        await tab.wait_for("matinee.state.phase === 'ready'")

        await submit(tab, RED)
        await tab.wait_for(f"{TITLE} === 'That was the last segment of this session'")
        await tab.evaluate("document.getElementById('problem-action').click()")
        await tab.wait_for("matinee.state.phase === 'ready' && matinee.state.problem === null")


@pytest.mark.parametrize(
    ("script", "title"),
    [
        (
            "delete window.MediaSource; delete window.ManagedMediaSource",
            "This browser cannot play live video",
        ),
        (
            "MediaSource.isTypeSupported = () => false",
            "This browser cannot decode the video",
        ),
    ],
)
async def test_a_browser_that_cannot_play_is_told_why(
    tab: Page, server: Server, script: str, title: str
) -> None:
    await tab.call("Page.addScriptToEvaluateOnNewDocument", source=script)
    await tab.goto(f"{server.url}/player")
    assert await tab.wait_for(TITLE) == title
    assert tab.errors == []


@pytest.mark.parametrize(
    ("end", "name"),
    [
        ("{ code: 1006, unreachable: 'unreachable' }", "unreachable"),
        ("{ code: 1006, unreachable: 'warming' }", "warming"),
        ("{ code: 1006, unreachable: 'unauthorized' }", "unauthorized"),
        ("{ code: 1006 }", "lost"),
        ("{ code: 1012, ending: { reason: 'drained' } }", "restarting"),
        ("{ code: 1012, error: { code: 'invalid_message' } }", "restarting"),
        ("{ code: 1000, ending: { reason: 'timeout' } }", "timeout"),
        ("{ code: 1000, ending: { reason: 'segment_cap' } }", "segment_cap"),
        ("{ code: 1013, error: { code: 'gpu_unavailable' } }", "gpu_unavailable"),
        ("{ code: 1013, error: { code: 'session_rejected' } }", "session_rejected"),
        (
            "{ code: 1011, error: { code: 'worker_failed' }, ending: { reason: 'error' } }",
            "worker_failed",
        ),
        ("{ code: 1003, error: { code: 'preset_mismatch' } }", "preset_mismatch"),
        ("{ code: 1003, ending: { reason: 'error' } }", "invalid_message"),
        ("{ code: 1009 }", "too_big"),
        ("{ code: 1011, ending: { reason: 'error' } }", "internal_error"),
        ("{ code: 1011, error: { code: 'a_new_code' } }", "a_new_code"),
    ],
)
async def test_every_end_has_its_words(player: Page, end: str, name: str) -> None:
    problem = await player.evaluate(
        f"import('/player/words.js').then(({{ problemOfEnd }}) => problemOfEnd({end}))"
    )
    assert problem["name"] == name
    assert problem["title"]
    assert problem["action"]
