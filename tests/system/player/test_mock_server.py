"""The player before `matinee mock`, as somebody sees it who writes a client."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.system.end_to_end.serving import running
from tests.system.end_to_end.test_mock import MATINEE
from tests.system.player.browser import done, errors_of, submit, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOWN = """
(frame) => new Promise((resolve) => {
    video.pause();
    video.onseeked = () => {
        const [width, height] = [video.videoWidth, video.videoHeight];
        const context = new OffscreenCanvas(width, height).getContext("2d");
        context.drawImage(video, 0, 0);
        let number = 0;
        for (let block = 0; block < 32; block += 1) {
            const [value] = context.getImageData((2 * block + 1) * width / 64, 3, 1, 1).data;
            number = 2 * number + (value > 127 ? 1 : 0);
        }
        resolve([number, width, height]);
    };
    video.currentTime = (frame + 0.5) / 24;
})
"""
"""The number in the picture that is shown at the time of this frame, and its size."""


async def test_the_player_shows_the_frames_of_the_mock_at_their_times(
    tab: Page, tmp_path: Path
) -> None:
    words = ["--size", "322x182", "--step-ms", "1", "--sound"]
    with running([*MATINEE, *words], tmp_path / "log") as mock:
        await tab.goto(f"{mock.url}/player")
        await until(tab, "matinee.state.phase === 'ready'")
        await tab.locator("#prompt").focus()
        for prompt in ("a red ball", "a blue ball"):
            await submit(tab, prompt)
        await until(tab, done(1))
        await until(tab, "matinee.state.currentTime > 1")
        await expect(tab.locator("#sounds")).not_to_have_attribute("hidden", "")
        state = await tab.evaluate("matinee.state")
        frames = round(state["ranges"][0][1] * 24)  # of the last ones a decoder waits for more
        for frame in (3, frames // 2 + 3, frames - 24):
            assert await tab.evaluate(SHOWN, frame) == [frame, 322, 182]
        assert (len(state["ranges"]), state["gapsJumped"], state["problem"]) == (1, 0, None)
        assert await errors_of(tab) == []
