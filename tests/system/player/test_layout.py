"""The page at every size, in its fullest state: a segment runs, prompts wait, a note is shown."""

from __future__ import annotations

import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.system.player.browser import done, settings, submit, until
from tests.system.player.test_picture import picture

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RED = "a red ball moving left on a blue background"
LONG = "a green triangle moving down on a white background, " * 8

WIDEST_SEED = "4000000000"

SIZES = (
    (320, 568),
    (360, 640),
    (390, 844),
    (568, 320),
    (667, 375),
    (844, 390),
    (768, 1024),
    (861, 700),
    (1024, 600),
    (1280, 800),
    (1920, 1080),
    (2560, 1440),
)
"""Phones upright and on their sides, tablets, windows of half a screen, screens."""

FAULTS = """
() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))).then(
() => {
    const root = document.documentElement;
    const seen = (selector) => [...document.querySelectorAll(selector)]
        .filter((one) => one.checkVisibility() && !one.closest(".hidden, dialog:not([open])"));
    const name = (one) => one.id || one.getAttribute("aria-label") || one.textContent.trim();
    const faults = [];
    if (root.scrollWidth > root.clientWidth) faults.push("scrolls sideways");

    // What people wrote may be long: it ends in dots. Our own words never do.
    const ours = "button, label, dt, dd, h1, h2, small, #doing, #note, .brand, .link, .welcome p";
    for (const one of seen(ours)) {
        if (one.matches(".card, .picture strong")) continue;
        const { left, right } = one.getBoundingClientRect();
        const cut = one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0;
        if (cut || left < 0 || right > root.clientWidth + 0.5) faults.push(`cut: ${name(one)}`);
    }
    for (const one of seen("button, input, textarea, a")) {
        const { width, height } = one.getBoundingClientRect();
        if (width < 24 || height < 24) faults.push(`small: ${name(one)} ${width} x ${height}`);
    }
    const box = (id) => document.getElementById(id).getBoundingClientRect();
    const covers = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
        && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    const composer = box("composer");
    if (covers(composer, box("stage"))) faults.push("the composer covers the video");
    for (const caption of seen("#caption")) {
        const { top, bottom } = box("stage");
        const [middle, edges] = [(top + bottom) / 2, caption.getBoundingClientRect()];
        if (edges.top < middle && middle < edges.bottom) faults.push("a caption in the middle");
    }
    for (const one of seen(".stats dd, #doing")) {
        const { left, right, top, bottom } = one.getBoundingClientRect();
        if (covers(composer, { left, right, top, bottom })) faults.push(`covered: ${name(one)}`);
    }
    const open = document.querySelector("dialog[open]");
    for (const one of open ? [] : seen("#composer :is(button, input, textarea)")) {
        const { left, top, width, height } = one.getBoundingClientRect();
        const hit = document.elementFromPoint(left + width / 2, top + height / 2);
        if (!one.contains(hit)) faults.push(`something lies over: ${name(one)}`);
    }
    const prompt = document.getElementById("prompt");
    if (prompt.scrollHeight > prompt.clientHeight) faults.push("the placeholder is cut");
    const { top, bottom } = box("prompt");
    if (top < 0 || bottom > innerHeight) faults.push("the prompt is out of sight");
    if (Math.min(box("stage").width, box("stage").height) < 150) faults.push("a tiny stage");
    return faults;
})
"""


async def resized(page: Page, size: tuple[int, int]) -> list[str]:
    """What is wrong with the page at this size."""
    width, height = size
    await page.set_viewport_size({"width": width, "height": height})
    faults: list[str] = await page.evaluate(f"({FAULTS})()")
    return faults


async def test_at_every_size_all_is_in_its_place(player: Page) -> None:
    faults = {("empty", size): await resized(player, size) for size in SIZES}
    async with settings(player) as sheet:
        await sheet.get_by_label("Seed").fill(WIDEST_SEED)
    await submit(player, RED)
    await until(player, done(0))
    async with settings(player) as sheet:
        await sheet.get_by_label("Steps").fill("100")
        faults |= {("settings", size): await resized(player, size) for size in SIZES}
    for prompt in (LONG, RED, LONG):
        await submit(player, prompt)
    waiting = "document.querySelectorAll('#waiting li').length === 2"
    await until(player, f"matinee.state.segments[1]?.step >= 1 && {waiting}")
    no_picture: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"?"}
    await player.locator("#picture-file").set_input_files([no_picture])
    await expect(player.locator("#note")).to_be_visible()
    faults |= {("busy", size): await resized(player, size) for size in SIZES}
    await player.locator("#picture-file").set_input_files([picture()])
    await expect(player.locator("#picture")).to_be_visible()
    faults |= {("picture", size): await resized(player, size) for size in SIZES}
    assert {where: found for where, found in faults.items() if found} == {}
