"""The gallery in a browser: a video is ordered, watched over, played, remixed and removed."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.system.end_to_end.serving import Server
from tests.system.player import browser

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_video_is_ordered_played_remixed_and_removed(tab: Page, server: Server) -> None:
    await tab.goto(f"{server.url}/player/gallery.html")
    await expect(tab.locator("#empty")).to_be_visible()
    await tab.locator("#prompt").fill("a red ball <b>moving left</b>")
    await tab.locator("#seconds").fill("1")
    await tab.locator("#send").click()
    first = tab.locator("#jobs > li").last
    await expect(first.locator(".said")).to_have_text("a red ball <b>moving left</b>")
    await expect(first).to_have_attribute("data-status", "completed", timeout=60_000)
    thumbnail = "document.querySelector('#jobs img')?.naturalWidth > 0"
    assert await browser.until(tab, thumbnail)

    await first.locator(".play").click()
    assert await browser.until(tab, "document.querySelector('#jobs video')?.currentTime > 0")
    async with tab.expect_download() as saved:
        await first.locator(".save").click()
    assert (await saved.value).suggested_filename.endswith(".mp4")

    await first.locator(".remix").click()
    await expect(tab.locator("#remix-of")).to_be_visible()
    await tab.locator("#prompt").fill("a blue cube")
    await tab.locator("#send").click()
    await expect(tab.locator("#jobs > li")).to_have_count(2)
    await expect(tab.locator("#jobs > li .said").first).to_have_text("a blue cube")
    for left in (1, 0):
        await tab.locator("#jobs > li .delete").first.click()
        await expect(tab.locator("#jobs > li")).to_have_count(left)
    await expect(tab.locator("#empty")).to_be_visible()

    assert await browser.errors_of(tab) == []
    await tab.locator("#prompt").fill("too large")
    await tab.locator("#size").fill("63x64")
    await tab.locator("#send").click()
    await expect(tab.locator("#note")).to_contain_text("nearest")
