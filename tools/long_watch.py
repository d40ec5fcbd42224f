"""The player in Chromium for minutes, through a router whose servers are killed. By hand:

    python -m tools.long_watch --minutes 10 --kills 2

It starts `examples/three-services.yaml`, lets the player keep going, and kills the server that
plays at moments drawn from a seed. In the end it says what the viewer saw: pictures painted,
pictures that were never shown, how often and for how long the picture stood still, what the player
jumped over or began anew, and what it was told. It fails when the player lost a picture of the
timeline or its connection.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import psutil
from playwright.async_api import Page, expect

from benchmarks.router_failover import kill_the_one_that_plays
from tests.places import EXAMPLES
from tests.system.end_to_end.serving import Server, matinee_up, running
from tests.system.player import browser

PROMPT = "a red ball moving left on a blue background"
PICTURES_LATE = 3
"""The picture stands still when the next one comes so many pictures' time after the last one."""
WATCH = """
([fps, late]) => {
    const video = document.getElementById("video");
    const seen = { pictures: 0, notShown: 0, stills: [] };
    let last = null;
    const look = (now, { mediaTime }) => {
        if (last !== null) {
            const stillMs = now - last.now;
            if (stillMs > (1000 / fps) * late) seen.stills.push(Math.round(stillMs));
            seen.notShown += Math.max(0, Math.round((mediaTime - last.mediaTime) * fps) - 1);
        }
        seen.pictures += 1;
        last = { now, mediaTime };
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    window.seen = seen;
}
"""
HEARD = """
() => matinee.events.filter(
    ({ type }) => ["session_migrated", "closed", "error", "viewer_lagging"].includes(type),
).map(({ at, state, ...event }) => event)
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.long_watch")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = matinee_up(EXAMPLES / "three-services.yaml", "--state-dir", f"{folder}/state")
        with running(command, Path(folder) / "log") as fleet:
            chance = Random(given.seed)  # noqa: S311 (no secret)
            seen = asyncio.run(watched(fleet, given.minutes * 60, given.kills, chance))
    print(json.dumps(seen, indent=2))
    kinds = [event["type"] for event in seen["heard"]]
    whole = len(seen["ranges"]) == 1 and not seen["gapsJumped"] and not seen["rebuilds"]
    return 0 if whole and kinds == ["session_migrated"] * given.kills else 1


async def watched(fleet: Server, lasts_s: float, kills: int, chance: Random) -> dict[str, Any]:
    """What the viewer saw in so many seconds, with so many kills at moments that are drawn."""
    async with browser.chromium() as chromium, browser.opened(chromium) as page:
        await begin(page, fleet.url)
        began = time.monotonic()
        for number in range(kills):
            due_s = lasts_s * (number + chance.uniform(0.25, 0.75)) / kills
            await asyncio.sleep(max(0.0, began + due_s - time.monotonic()))
            kill_the_one_that_plays(fleet.url, psutil.Process(fleet.process.pid))
            print(
                f"killed the server that plays after {time.monotonic() - began:.1f} s", flush=True
            )
        await asyncio.sleep(max(0.0, began + lasts_s - time.monotonic()))
        state: dict[str, Any] = await page.evaluate("matinee.state")
        seen: dict[str, Any] = await page.evaluate("seen")
        told = {"heard": await page.evaluate(HEARD), "errors": await browser.errors_of(page)}
    segments = state.pop("segments")
    ended = sum(segment["status"] == "done" for segment in segments)
    kept = ("currentTime", "ahead", "ranges", "gapsJumped", "rebuilds", "problem")
    return {**seen, "segments": ended, **{name: state[name] for name in kept}, **told}


async def begin(page: Page, url: str) -> None:
    """It keeps going, and its first segment plays."""
    await page.goto(f"{url}/player")
    await expect(page.locator("#link-text")).to_have_text("Connected")
    await page.get_by_role("switch", name="Keep going").check()
    await page.locator("#prompt").focus()
    await browser.submit(page, PROMPT)
    await browser.until(page, "matinee.state.segments[0]?.status === 'done'")
    fps = await page.evaluate("matinee.state.format.fps")
    await page.evaluate(WATCH, [fps, PICTURES_LATE])


if __name__ == "__main__":
    sys.exit(main())
