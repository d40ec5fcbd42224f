"""Firefox does what Chromium does: it plays, also the page of the docs, begins with a picture,
saves, fills the screen, obeys the keyboard, and has both colours and room at every size."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.system.end_to_end.serving import Server
from tests.system.player.browser import done
from tests.system.player.firefox import TAB, FirefoxPage, firefox
from tests.system.player.test_layout import FAULTS, SIZES
from tests.system.player.test_looks import BRIGHTNESS, FOCUSED, REACHABLE
from tests.system.player.test_picture import DROP, FIRST_PIXEL, GREEN_PIXEL, picture
from tests.system.player.test_saving import video_of
from tests.system.player.test_watching import page_of_the_docs

pytestmark = [
    pytest.mark.firefox,
    pytest.mark.ffmpeg,
    pytest.mark.asyncio(loop_scope="session"),
]

RED = "a red ball moving left on a blue background"
CLICK = "document.getElementById({!r}).click()"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FirefoxPage]:
    """Starting it takes seconds."""
    async with firefox(tmp_path_factory.mktemp("firefox")) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def page(tab: FirefoxPage, server: Server) -> FirefoxPage:
    """The player, with the cursor in the prompt box."""
    await tab.resize(1280, 800)
    await tab.go(f"{server.url}/player")
    await tab.until("matinee.state.phase === 'ready'")
    await tab.evaluate("document.getElementById('prompt').focus()")
    return tab


async def made(page: FirefoxPage, number: int) -> None:
    await page.submit(RED)
    await page.until(done(number))


async def faults_of(page: FirefoxPage, state: str) -> dict[tuple[str, int, int], list[str]]:
    """What is wrong with the page, by size."""
    found = {}
    for width, height in SIZES:
        await page.resize(width, height)
        found[state, width, height] = await page.evaluate(f"({FAULTS})()")
    return {size: faults for size, faults in found.items() if faults}


async def test_two_segments_play_as_one_and_the_page_fits_every_size(page: FirefoxPage) -> None:
    faults = await faults_of(page, "empty")
    for number in range(2):
        await made(page, number)
    await page.until("matinee.state.currentTime > 3 && matinee.state.moving")
    state = await page.evaluate("matinee.state")
    assert (len(state["ranges"]), state["rebuilds"], state["problem"]) == (1, 0, None)
    assert faults | await faults_of(page, "played") == {}


async def test_a_dropped_picture_begins_a_video_that_is_saved_as_it_was_shown(
    page: FirefoxPage,
) -> None:
    file = picture()
    words = [file["name"], file["mimeType"], base64.b64encode(file["buffer"]).decode()]
    assert await page.evaluate(f"({DROP})({json.dumps(words)})") == [True, True]
    await page.until("!document.getElementById('picture').hidden")
    await made(page, 0)
    begin = await page.evaluate("matinee.state.segments[0].mediaStart")
    pixel = await page.evaluate(f"({FIRST_PIXEL})({begin + 0.02})")
    assert pixel == pytest.approx(GREEN_PIXEL, abs=40)
    await page.evaluate(CLICK.format("save-all"))
    assert video_of(await page.download("matinee.mp4")) == (0, 17, 2.12)


async def test_a_chosen_file_that_is_no_picture_is_told(page: FirefoxPage, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("?")
    await page.choose("#picture-file", tmp_path / "notes.txt")
    await page.until("document.getElementById('note').textContent.includes('is no PNG')")


async def test_the_keyboard_is_enough(page: FirefoxPage) -> None:
    await made(page, 0)
    await page.evaluate("document.activeElement.blur()")
    await page.press("k")
    await page.until("matinee.state.paused")

    await page.evaluate("document.querySelector('.brand').focus()")
    reached: dict[str, bool] = {}
    name, visible = await page.evaluate(FOCUSED)
    while name not in reached:
        reached[name] = visible
        await page.press(TAB)
        name, visible = await page.evaluate(FOCUSED)
    assert reached.keys() >= REACHABLE
    assert [name for name, visible in reached.items() if not visible] == []


async def test_full_screen_shows_the_stage(page: FirefoxPage) -> None:
    await page.evaluate("document.activeElement.blur()")
    await page.press("f")
    await page.until("document.fullscreenElement?.id === 'stage'")
    await page.press("f")
    await page.until("document.fullscreenElement === null")


async def test_it_follows_the_system_s_colours(page: FirefoxPage) -> None:
    await page.prefer("dark")
    ground, text = await page.evaluate(BRIGHTNESS)
    assert (ground < 0.15, text > 0.85) == (True, True)
    await page.prefer("light")
    ground, text = await page.evaluate(BRIGHTNESS)
    assert (ground > 0.85, text < 0.2) == (True, True)


async def test_the_page_of_the_docs_plays(tab: FirefoxPage, server: Server) -> None:
    await tab.go(f"{server.url}/healthz")
    await tab.evaluate(page_of_the_docs(server))
    await tab.until("document.getElementById('video').currentTime > 1")
