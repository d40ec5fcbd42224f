"""Chromium plays what the bundled model makes: joins, colours, latency."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from tests.browser import Page
from tests.runtime.end_to_end.serving import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SCENES = (
    ("red", "ball", "left", "blue"),
    ("yellow", "ball", "left", "purple"),
    ("white", "box", "up", "green"),
    ("blue", "triangle", "right", "white"),
)

DOCS = ROOT / "docs" / "player.md"

WATCH = """
(() => {
    const palette = {
        red: [225, 35, 40], green: [35, 165, 70], blue: [35, 75, 225], yellow: [250, 220, 45],
        orange: [245, 130, 25], purple: [145, 50, 190], white: [245, 245, 245],
        black: [15, 15, 20],
    };
    const distance = (a, b) => a.reduce((sum, one, i) => sum + (one - b[i]) ** 2, 0);
    const nearest = (pixel) => Object.entries(palette).reduce(
        (best, [name, rgb]) => {
            const far = distance(pixel, rgb);
            return far < best[1] ? [name, far] : best;
        },
        ["", Infinity],
    )[0];
    const video = document.getElementById("video");
    const canvas = new OffscreenCanvas(32, 32);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    window.painted = [];
    const look = (_, { mediaTime }) => {
        context.drawImage(video, 0, 0, 32, 32);
        const { data } = context.getImageData(0, 0, 32, 32);
        const shares = {};
        for (let i = 0; i < data.length; i += 4) {
            const name = nearest([data[i], data[i + 1], data[i + 2]]);
            shares[name] = (shares[name] ?? 0) + 1 / 1024;
        }
        window.painted.push({ time: mediaTime, shares });
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
})()
"""


def prompt_of(scene: tuple[str, str, str, str]) -> str:
    colour, shape, direction, background = scene
    return f"a {colour} {shape} moving {direction} on a {background} background"


async def watch_four_segments(player: Page) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Type four prompts, each while the one before plays. Returns the state and painted frames."""
    await player.evaluate("document.getElementById('set-seed').value = '7'")
    await player.evaluate(WATCH)
    for number, scene in enumerate(SCENES, start=1):
        await player.type(prompt_of(scene))
        await player.press("Enter")
        await player.wait_for(f"matinee.state.segments[{number - 1}]?.status === 'done'")
    await player.wait_for("matinee.state.ahead < 0.2")
    state = await player.evaluate("matinee.state")
    return state, await player.evaluate("window.painted")


async def test_four_prompts_play_as_one_video_that_shows_what_they_say(player: Page) -> None:
    state, painted = await watch_four_segments(player)

    segments = state["segments"]
    assert [segment["prompt"] for segment in segments] == [prompt_of(scene) for scene in SCENES]
    length_s = sum(segment["durationMs"] for segment in segments) / 1000
    assert state["ranges"] == [[0, pytest.approx(length_s, abs=0.01)]]
    assert all(segment["firstPictureMs"] > 0 for segment in segments)
    assert (state["gapsJumped"], state["rebuilds"]) == (0, 0)
    assert state["currentTime"] > length_s - 0.3

    times = [frame["time"] for frame in painted]
    assert all(earlier < later for earlier, later in pairwise(times))
    for scene, segment in zip(SCENES, segments, strict=True):
        begin, end = segment["mediaStart"], segment["mediaStart"] + segment["durationMs"] / 1000
        frames = [frame["shares"] for frame in painted if begin + 0.8 <= frame["time"] < end]
        assert len(frames) >= 4, "the segment was played"
        assert shown(frames, scene[3]) > 0.6, f"{prompt_of(scene)}: background in {frames}"
        assert 0.02 < shown(frames, scene[0]) < 0.5, f"{prompt_of(scene)}: object in {frames}"
    assert player.errors == []


def shown(frames: list[dict[str, float]], colour: str) -> float:
    """Middle share of the picture that has this colour."""
    shares = sorted(frame.get(colour, 0.0) for frame in frames)
    return shares[len(shares) // 2]


async def test_the_page_says_what_is_going_on(player: Page) -> None:
    assert await player.wait_for("document.getElementById('link-text').textContent") == "Connected"
    await player.evaluate("document.getElementById('set-steps').value = '40'")
    await player.type(prompt_of(SCENES[0]))
    await player.press("Enter")
    await player.wait_for("/^Segment 1: step \\d+ of 40/.test(doing.textContent)")
    assert 0 < await player.evaluate("document.getElementById('progress').value") <= 1
    await player.wait_for("matinee.state.segments[0].status === 'done'")
    await player.wait_for("/\\d fps/.test(document.getElementById('stat-fps').textContent)")
    shown = await player.evaluate(
        "['first', 'speed', 'buffer', 'bytes'].map((n) => document.getElementById(`stat-${n}`)"
        ".textContent)"
    )
    assert all(any(map(str.isdigit, text)) for text in shown), shown
    card = await player.evaluate("document.querySelector('#reel li').textContent")
    assert prompt_of(SCENES[0]) in card
    assert "seed" in card


async def test_a_lost_connection_goes_on_from_the_last_state(tab: Page, server: Server) -> None:
    await tab.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="""
            window.sockets = [];
            window.WebSocket = class extends WebSocket {
                constructor(...words) { super(...words); sockets.push(this); }
            };
        """,
    )
    await tab.goto(f"{server.url}/player")
    await tab.evaluate("document.getElementById('prompt').focus()")
    for number, scene in enumerate(SCENES[:2]):
        await tab.type(prompt_of(scene))
        await tab.press("Enter")
        done = f"matinee.state.segments[{number}]?.status === 'done'"
        await tab.wait_for(f"{done} && matinee.state.saved")
        await tab.evaluate("sockets.at(-1).close(4000)")
        await tab.wait_for(f"sockets.length === {number + 2} && matinee.state.phase === 'ready'")
    state = await tab.evaluate("matinee.state")
    # A segment that goes on shares its first frame with the video before it.
    assert [segment["durationMs"] for segment in state["segments"]] == [2125, 2000]
    assert state["ranges"] == [[0, pytest.approx(4.125, abs=0.01)]]


async def test_the_example_in_the_docs_plays(tab: Page, server: Server) -> None:
    found = re.search(
        r"```html\n(.*?)<script type=\"module\">\n(.*?)</script>", DOCS.read_text(), re.DOTALL
    )
    assert found is not None
    script = found[2].replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    await tab.goto(f"{server.url}/healthz")
    await tab.evaluate(f"document.body.innerHTML = {json.dumps(found[1])}")
    await tab.evaluate(f"(() => {{ {script} }})()")
    await tab.wait_for("document.getElementById('video').currentTime > 1")
