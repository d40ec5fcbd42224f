"""Chromium plays what the bundled model makes: joins, colours, latency."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from playwright.async_api import Page, expect

from tests.places import ROOT
from tests.system.end_to_end.serving import Server
from tests.system.player.browser import done, settings, submit, until

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
    const video = document.getElementById("video");
    window.painted = [];
    const look = (_, { mediaTime }) => {
        painted.push(mediaTime);
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
})()
"""

PALETTE = {
    "red": [225, 35, 40],
    "green": [35, 165, 70],
    "blue": [35, 75, 225],
    "yellow": [250, 220, 45],
    "orange": [245, 130, 25],
    "purple": [145, 50, 190],
    "white": [245, 245, 245],
    "black": [15, 15, 20],
}

LOOK_AT = """
async ([times, palette]) => {
    const video = document.getElementById("video");
    const context = new OffscreenCanvas(32, 32).getContext("2d", { willReadFrequently: true });
    const distance = (a, b) => a.reduce((sum, one, i) => sum + (one - b[i]) ** 2, 0);
    const nearest = (pixel) => Object.keys(palette).reduce(
        (a, b) => (distance(pixel, palette[b]) < distance(pixel, palette[a]) ? b : a),
    );
    const pictures = [];
    for (const time of times) {
        const there = new Promise((resolve) => { video.onseeked = resolve; });
        video.currentTime = time;
        await there;
        context.drawImage(video, 0, 0, 32, 32);
        const { data } = context.getImageData(0, 0, 32, 32);
        const shares = {};
        for (let i = 0; i < data.length; i += 4) {
            const name = nearest([...data.slice(i, i + 3)]);
            shares[name] = (shares[name] ?? 0) + 1 / 1024;
        }
        pictures.push(shares);
    }
    return pictures;
}
"""


def prompt_of(scene: tuple[str, str, str, str]) -> str:
    colour, shape, direction, background = scene
    return f"a {colour} {shape} moving {direction} on a {background} background"


async def watch_four_segments(player: Page) -> None:
    """Type four prompts, each while the one before plays, and watch to the end."""
    async with settings(player) as sheet:
        await sheet.get_by_label("Seed").fill("7")
    await player.evaluate(WATCH)
    for number, scene in enumerate(SCENES, start=1):
        await submit(player, prompt_of(scene))
        await until(player, done(number - 1))
    await until(player, "matinee.state.ahead < 0.2")


async def colours_at(player: Page, times: list[float]) -> list[dict[str, float]]:
    """Share of each colour in the pictures that are drawn at these times."""
    await player.locator("#prompt").blur()
    await player.keyboard.press("k")
    pictures: list[dict[str, float]] = await player.evaluate(LOOK_AT, [times, PALETTE])
    await player.keyboard.press("k")
    return pictures


@pytest.mark.timeout(240)
async def test_four_prompts_play_as_one_video_that_shows_what_they_say(player: Page) -> None:
    await watch_four_segments(player)
    state = await player.evaluate("matinee.state")

    segments = state["segments"]
    assert [segment["prompt"] for segment in segments] == [prompt_of(scene) for scene in SCENES]
    length_s = sum(segment["durationMs"] for segment in segments) / 1000
    assert state["ranges"] == [[0, pytest.approx(length_s, abs=0.01)]]
    assert all(segment["firstPictureMs"] > 0 for segment in segments)
    assert (state["gapsJumped"], state["rebuilds"]) == (0, 0)
    assert state["currentTime"] > length_s - 0.3

    painted = await player.evaluate("painted")
    assert all(earlier < later for earlier, later in pairwise(painted)), painted
    begins = [segment["mediaStart"] for segment in segments]
    for begin, end in pairwise([*begins, length_s]):
        assert any(begin <= time < end for time in painted), "played over the joins"

    for scene, begin in zip(SCENES, begins, strict=True):
        shown = await colours_at(player, [begin + 0.125 * frame for frame in (9, 11, 13, 15)])
        assert middle(shown, scene[3]) > 0.6, f"{prompt_of(scene)}: background in {shown}"
        assert 0.02 < middle(shown, scene[0]) < 0.5, f"{prompt_of(scene)}: object in {shown}"


def middle(pictures: list[dict[str, float]], colour: str) -> float:
    """The picture's share of this colour, in the middle of all pictures."""
    shares = sorted(picture.get(colour, 0.0) for picture in pictures)
    return shares[len(shares) // 2]


async def test_the_page_says_what_is_going_on(player: Page) -> None:
    await expect(player.locator("#link-text")).to_have_text("Connected")
    async with settings(player) as sheet:
        await sheet.get_by_label("Steps").fill("40")
    await submit(player, prompt_of(SCENES[0]))
    saying = r"/^Segment 1: step \d+ of 40/.test(document.getElementById('doing').textContent)"
    progress = await until(player, f"{saying} && document.getElementById('progress').value")
    assert 0 < progress <= 1
    await until(player, done(0))
    await expect(player.locator("#stat-fps")).to_have_text(re.compile(r"^\d+ fps$"))
    for figure in ("first", "speed", "buffer", "bytes"):
        await expect(player.locator(f"#stat-{figure}")).to_have_text(re.compile(r"\d"))
    card = player.locator("#reel li")
    await expect(card).to_contain_text(prompt_of(SCENES[0]))
    await expect(card).to_contain_text("seed")


async def test_it_says_playing_only_while_the_picture_moves(player: Page) -> None:
    doing = player.locator("#doing")
    await submit(player, prompt_of(SCENES[0]))
    await until(player, done(0))
    await player.evaluate("video.currentTime = 0; video.playbackRate = 0.1")
    await expect(doing).to_have_text("Playing")
    await player.evaluate("video.playbackRate = 0")
    await expect(doing).to_have_text("Ready for a prompt")
    state = await player.evaluate("matinee.state")
    assert (state["paused"], state["ahead"] > 1) == (False, True)


async def test_a_lost_connection_goes_on_with_the_same_session(tab: Page, server: Server) -> None:
    await tab.add_init_script(
        """
        window.sockets = [];
        window.WebSocket = class extends WebSocket {
            constructor(...words) { super(...words); sockets.push(this); }
        };
        """
    )
    await tab.goto(f"{server.url}/player")
    await tab.locator("#prompt").focus()
    for number, scene in enumerate(SCENES[:2]):
        await submit(tab, prompt_of(scene))
        await until(tab, f"{done(number)} && matinee.state.saved")
        await tab.evaluate("sockets.at(-1).close(4000)")
        await until(tab, f"sockets.length === {number + 2} && matinee.state.phase === 'ready'")
    state = await tab.evaluate("matinee.state")
    # A segment that goes on shares its first frame with the video before it.
    assert [segment["durationMs"] for segment in state["segments"]] == [2125, 2000]
    assert [segment["key"] for segment in state["segments"]] == [1, 2]
    assert [segment["index"] for segment in state["segments"]] == [0, 1]
    assert len({segment["sessionId"] for segment in state["segments"]}) == 1
    assert state["ranges"] == [[0, pytest.approx(4.125, abs=0.01)]]


def page_of_the_docs(server: Server) -> str:
    """JavaScript that writes it into a page of this server, as it stands but for the port."""
    found = re.search(r"```html\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    page = found[1].replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    parsed = f"document.createRange().createContextualFragment({json.dumps(page)})"
    return f"void document.body.append({parsed})"


async def test_the_example_in_the_docs_plays(tab: Page, server: Server) -> None:
    await tab.goto(f"{server.url}/healthz")
    await tab.evaluate(page_of_the_docs(server))
    await until(tab, "document.getElementById('video').currentTime > 1")
