"""Take the picture of the player for the README from a running server.

python -m tests.system.player.screenshot http://127.0.0.1:8000 docs/images/player.png
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.system.browser import Chromium, Page

PROMPTS = (
    "a red ball moving left on a blue background",
    "a yellow ball moving up on a blue background",
    "a white box moving right on a purple background",
    "a yellow ball moving left on a purple background",
)


async def perform(page: Page, url: str) -> bytes:
    await page.prefer(prefers_color_scheme="dark")
    await page.goto(f"{url}/player")
    await page.wait_for("matinee.state.phase === 'ready'")
    await page.evaluate("document.getElementById('set-seed').value = '7'")
    await page.evaluate("document.getElementById('prompt').focus()")
    for number, prompt in enumerate(PROMPTS):
        await page.type(prompt)
        await page.press("Enter")
        await page.wait_for(f"matinee.state.segments[{number}]?.status === 'done'", 120)
        await page.wait_for("matinee.state.ahead < 1.2")
    await page.type("a yellow ball moving down on a purple background")
    return await page.screenshot()


async def main(url: str, output: Path) -> None:
    with tempfile.TemporaryDirectory() as profile:
        async with Chromium.start(Path(profile)) as chromium, chromium.page(1280, 800) as page:
            image = await perform(page, url.rstrip("/"))
    await asyncio.to_thread(output.write_bytes, image)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
