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
            if (stillMs > (1000 / fps) * late) seen.stills.push([last.now, stillMs]);
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
)
"""
LOOK_S = 15.0
"""The page keeps its last thousand events only."""
SHORTLY_MS = 5000
"""What the picture does so soon after a kill may be because of it."""


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
    dues = [lasts_s * (number + chance.uniform(0.25, 0.75)) / kills for number in range(kills)]
    async with browser.chromium() as chromium, browser.opened(chromium) as page:
        await begin(page, fleet.url)
        began, killed_ms = time.monotonic(), []
        heard: dict[float, dict[str, Any]] = {}
        while (now_s := time.monotonic() - began) < lasts_s:
            heard |= {event["at"]: event for event in await page.evaluate(HEARD)}
            if dues and dues[0] <= now_s:
                dues.pop(0)
                killed_ms.append(await page.evaluate("performance.now()"))
                kill_the_one_that_plays(fleet.url, psutil.Process(fleet.process.pid))
            next_s = min([now_s + LOOK_S, lasts_s, *dues])
            await asyncio.sleep(max(0.0, began + next_s - time.monotonic()))
        state: dict[str, Any] = await page.evaluate("matinee.state")
        seen: dict[str, Any] = await page.evaluate("seen")
        told = {"heard": list(heard.values()), "errors": await browser.errors_of(page)}
    kept = ("currentTime", "ahead", "ranges", "gapsJumped", "rebuilds", "problem")
    seen |= stood_still(seen.pop("stills"), killed_ms)
    return {**seen, **{name: state[name] for name in kept}, **told}


def stood_still(stills: list[tuple[float, float]], killed_ms: list[float]) -> dict[str, Any]:
    """`stills`: from when on, and how long, in milliseconds of the page."""
    shortly = [
        [round(long_ms) for at_ms, long_ms in stills if -long_ms < at_ms - killed < SHORTLY_MS]
        for killed in killed_ms
    ]
    lengths = [long_ms for _, long_ms in stills]
    return {
        "stood_still": len(lengths),
        "stood_still_s": round(sum(lengths) / 1000, 1),
        "longest_s": round(max(lengths, default=0.0) / 1000, 1),
        "stood_still_ms_after_each_kill": shortly,
    }


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
