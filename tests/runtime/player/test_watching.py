"""Chromium plays what the bundled model makes: joins, colours, latency."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SCENES = (
    ("red", "ball", "left", "blue"),
    ("yellow", "ball", "left", "purple"),
    ("white", "box", "up", "green"),
    ("blue", "triangle", "right", "white"),
)

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


async def test_the_first_picture_shows_before_the_segment_is_whole(player: Page) -> None:
    await player.type(prompt_of(SCENES[0]))
    await player.press("Enter")
    await player.wait_for("matinee.state.segments[0]?.status === 'done'")
    events = await player.evaluate("matinee.events.map((event) => event.type)")
    first = await player.evaluate("matinee.state.segments[0].firstPictureMs")
    assert events.index("media_init") < events.index("media_segment_complete")
    assert 0 < first <= await player.evaluate("matinee.state.segments[0].latencyMs") + 100


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
