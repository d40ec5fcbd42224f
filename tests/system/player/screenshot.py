"""Take the picture of the player for the README from a running server.

python -m tests.system.player.screenshot http://127.0.0.1:8000 docs/images/player.png
"""

from __future__ import annotations

import asyncio
import sys

from playwright.async_api import Page

from tests.system.player.browser import chromium, done, opened, settings, submit, until

PROMPTS = (
    "a red ball moving left on a blue background",
    "a yellow ball moving up on a blue background",
    "a white box moving right on a purple background",
    "a yellow ball moving left on a purple background",
)


async def perform(page: Page, url: str) -> None:
    await page.goto(f"{url}/player")
    async with settings(page) as sheet:
        await sheet.get_by_label("Seed").fill("7")
    await page.mouse.move(0, 0)  # no button is lit
    for number, prompt in enumerate(PROMPTS):
        await submit(page, prompt)
        await until(page, done(number), 120)
        await until(page, "matinee.state.ahead < 1.2")
    await page.keyboard.insert_text("a yellow ball moving down on a purple background")


async def main(url: str, output: str) -> None:
    device = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}
    async with chromium() as browser, opened(browser, **device) as page:
        await perform(page, url.rstrip("/"))
        await page.screenshot(path=output)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
