"""Chromium of the system, driven by Playwright, and what the tests ask of a page."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from playwright.async_api import Browser, Locator, Page, Route, async_playwright, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from tools.system_packages import found

PATIENCE_S = 60.0
LOOK = """
() => new Promise((resolve) => {
    const look = () => {
        const value = (CONDITION);
        if (value) resolve(value);
        else setTimeout(look, 20);
    };
    look();
})
"""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start it without a window. It and Playwright's driver have ended when the block is left."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found("chromium"),
            args=["--disable-gpu"],
            ignore_default_args=["--hide-scrollbars"],  # viewers have them
        )
        async with browser:
            yield browser


@contextlib.asynccontextmanager
async def opened(browser: Browser, **device: Any) -> AsyncIterator[Page]:
    """An empty page with nothing in common with others. `device`: options of its context."""
    async with await browser.new_context(**device) as context:
        context.set_default_timeout(PATIENCE_S * 1000)
        yield await context.new_page()


async def until(page: Page, condition: str, timeout_s: float = PATIENCE_S) -> Any:
    """Wait until a JavaScript expression is truthy, and return its value.

    Playwright would evaluate the text again and again, which the policy of the player's page
    forbids, and a page without its policy is not what viewers get: this one looks by itself.
    """
    look = LOOK.replace("CONDITION", condition)
    try:
        value = await page.wait_for_function(look, timeout=timeout_s * 1000)
    except PlaywrightTimeout as late:
        state = await page.evaluate("JSON.stringify(window.matinee?.state)")
        late.add_note(f"still not: {condition}\nstate: {state}")
        raise
    return await value.json_value()


def done(number: int) -> str:
    """JavaScript: this segment is made, from 0 on, and the player holds all of it."""
    made = f"segments[{number}]?.status === 'done'"
    return f"(({{ segments, pending }}) => {made} && pending === 0)(matinee.state)"


async def submit(page: Page, prompt: str) -> None:
    """Type it where the cursor is."""
    await page.keyboard.insert_text(prompt)
    await page.keyboard.press("Enter")


@contextlib.asynccontextmanager
async def settings(page: Page) -> AsyncIterator[Locator]:
    """The player's sheet of settings, open; then the cursor is in the prompt box again."""
    await page.get_by_role("button", name="Settings").click()
    sheet = page.get_by_role("dialog", name="Settings")
    yield sheet
    await page.keyboard.press("Escape")
    await page.locator("#prompt").focus()


async def changed(page: Page, script: str, lines: dict[str, str]) -> None:
    """The page gets this script of the player with other constants: nobody waits for an hour."""

    async def serve(route: Route) -> None:
        text = await (await route.fetch()).text()
        for line, other in lines.items():
            assert text.count(line) == 1
            text = text.replace(line, other)
        await route.fulfill(body=text, content_type="text/javascript")

    await page.route(f"**/{script}", serve)


async def errors_of(page: Page) -> list[str]:
    """What the page threw, and the errors in its console."""
    thrown = [error.message for error in await page.page_errors()]
    return thrown + [one.text for one in await page.console_messages() if one.type == "error"]
