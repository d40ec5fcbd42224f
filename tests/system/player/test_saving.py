"""What the player saves is video that other programs read, from its start to its end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.system.end_to_end.serving import Server, running, tone_server
from tests.system.player.browser import changed, done, settings, submit, until
from tests.unit.runtime.media.mp4_reading import ffprobe_streams

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.asyncio(loop_scope="session"),
]

RED = "a red ball moving left on a blue background"
GREEN = "a green box moving up on a white background"

FEW_BYTES = 20_000


async def saved(page: Page, button: str, folder: Path) -> Path:
    """The file that the browser is given when this button is pressed."""
    async with page.expect_download() as download:
        await page.get_by_role("button", name=button).click()
    file = folder / (await download.value).suggested_filename
    await (await download.value).save_as(file)
    return file


def video_of(file: Path) -> tuple[float, int, float]:
    """Start, number of decoded frames and length of its video, in seconds, as ffprobe reads it."""
    (stream,) = (one for one in ffprobe_streams(file) if one["codec_type"] == "video")
    start_s, duration_s = float(stream["start_time"]), float(stream["duration"])
    return start_s, int(stream["nb_read_frames"]), round(duration_s, 2)


async def test_a_clip_and_the_whole_video_are_saved_as_they_were_shown(
    player: Page, tmp_path: Path
) -> None:
    await submit(player, RED)
    await until(player, f"{done(0)} && matinee.state.saved")
    async with settings(player) as sheet:
        await sheet.get_by_label("Frames").fill("9")
    await submit(player, GREEN)
    await until(player, done(1))

    second = await saved(player, "Save clip 2", tmp_path)
    assert second.name == "matinee-2-a-green-box-moving-up-on-a-white-background.mp4"
    assert video_of(second) == (0, 8, 1.0), "it shares its first frame with the clip before it"
    assert video_of(await saved(player, "Save clip 1", tmp_path)) == (0, 17, 2.12)
    assert video_of(await saved(player, "Save video", tmp_path)) == (0, 25, 3.12)


async def test_a_new_video_follows_the_old_one_in_the_file(player: Page, tmp_path: Path) -> None:
    await submit(player, RED)
    await until(player, done(0))
    async with settings(player) as sheet:
        await sheet.get_by_role("button", name="Start a new video").click()
    await submit(player, GREEN)
    await until(player, done(1))
    assert video_of(await saved(player, "Save video", tmp_path)) == (0, 34, 4.25)
    await expect(player.locator("#reel li small").first).to_contain_text("2 · ")


async def test_a_page_that_plays_all_day_keeps_the_end_of_it_and_says_so(
    tab: Page, server: Server, tmp_path: Path
) -> None:
    """Its bound is reached after hours: here it is a small one."""
    await changed(tab, "recording.js", {"256 * 2 ** 20": str(FEW_BYTES)})
    await tab.goto(f"{server.url}/player")
    save = tab.locator("#save-what")
    await tab.locator("#prompt").focus()
    for number in range(4):
        await submit(tab, RED)
        await until(tab, done(number))
        if number == 0:
            await expect(save).to_have_text("Save video")
    sizes = await tab.evaluate("matinee.state.segments.map((one) => one.bytes)")
    assert max(sizes) < FEW_BYTES < sum(sizes), sizes
    await expect(save).to_have_text(re.compile(r"^Save the last \d s$"))
    await expect(tab.get_by_role("button", name="Save clip 1")).to_be_hidden()
    said_s = int(re.sub(r"\D", "", await save.inner_text()))
    start_s, _, length_s = video_of(await saved(tab, "Save the last", tmp_path))
    assert (start_s, round(length_s)) == (0, said_s)


async def test_sound_is_heard_when_asked_for_and_saved(tab: Page, tmp_path: Path) -> None:
    with running(tone_server(), tmp_path / "log") as server:
        await sound(tab, server)
        streams = ffprobe_streams(await saved(tab, "Save clip 1", tmp_path))
    kinds = {stream["codec_type"]: float(stream["start_time"]) for stream in streams}
    assert kinds == {"video": 0, "audio": pytest.approx(0, abs=0.03)}


async def sound(tab: Page, server: Server) -> None:
    await tab.goto(f"{server.url}/player")
    await tab.locator("#prompt").focus()
    await submit(tab, "440 Hz")
    await until(tab, done(0))
    button = tab.get_by_role("button", name="Sound")
    volume = tab.get_by_role("slider", name="Volume")
    await expect(button).to_have_attribute("aria-pressed", "false")
    await tab.locator("#prompt").blur()
    await tab.keyboard.press("m")
    await expect(button).to_have_attribute("aria-pressed", "true")
    await volume.focus()
    await tab.keyboard.press("ArrowLeft")
    assert await tab.evaluate("document.getElementById('video').volume") == 0.95
    assert not await tab.evaluate("document.getElementById('video').muted")
