"""A video that begins with the viewer's picture: chosen or dropped, checked, refused."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from playwright.async_api import FilePayload, Page, expect

from tests.system.player.browser import done, submit, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RED = "a red ball moving left on a blue background"
GREEN_PIXEL = (35, 165, 70)

DROP = """
([name, type, data]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type }));
    const options = { dataTransfer, bubbles: true, cancelable: true };
    return ["dragover", "drop"].map((event) =>
        !document.body.dispatchEvent(new DragEvent(event, options)));
}
"""

FIRST_PIXEL = """
async (time) => {
    const video = document.getElementById("video");
    video.pause();
    const there = new Promise((resolve) => { video.onseeked = resolve; });
    video.currentTime = time;
    await there;
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.drawImage(video, 0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}
"""


def picture(
    kind: str = "PNG", name: str = "meadow.png", size: tuple[int, int] = (64, 64)
) -> FilePayload:
    """A green one, which says that it is a PNG."""
    encoded = io.BytesIO()
    Image.new("RGB", size, GREEN_PIXEL).save(encoded, kind)
    return {"name": name, "mimeType": "image/png", "buffer": encoded.getvalue()}


async def choose(page: Page, file: FilePayload) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Begin with a picture").click()
    await (await chooser.value).set_files([file])


async def test_a_chosen_picture_begins_a_new_video_which_follows_the_old_one(player: Page) -> None:
    await submit(player, RED)
    await until(player, done(0))
    await choose(player, picture())
    await expect(player.locator("#picture-name")).to_have_text("meadow.png")
    await player.locator("#prompt").focus()
    await submit(player, RED)
    await expect(player.locator("#picture")).to_be_hidden()
    await until(player, done(1))
    state = await player.evaluate("matinee.state")
    assert state["segments"][1]["index"] == 0, "a session of its own"
    assert len(state["ranges"]) == 1
    pixel = await player.evaluate(FIRST_PIXEL, state["segments"][1]["mediaStart"] + 0.02)
    assert pixel == pytest.approx(GREEN_PIXEL, abs=40)


async def test_a_dropped_picture_is_taken_and_can_be_removed(player: Page) -> None:
    file = picture()
    data = base64.b64encode(file["buffer"]).decode()
    dropped = await player.evaluate(DROP, [file["name"], file["mimeType"], data])
    assert dropped == [True, True], "the browser does not open it itself"
    await expect(player.locator("#picture-name")).to_have_text("meadow.png")
    await player.get_by_role("button", name="Remove the picture").click()
    await expect(player.locator("#picture")).to_be_hidden()


async def test_a_file_that_cannot_be_used_is_told_at_once(player: Page) -> None:
    note = player.locator("#note")
    text: FilePayload = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"}
    broken: FilePayload = {"name": "b.png", "mimeType": "image/png", "buffer": b"hello"}
    for file, why in (
        (text, "a.txt is no PNG, JPEG or WebP picture."),
        (broken, "b.png is broken: this browser cannot read it."),
        (picture(size=(4001, 4000)), "4000 pixels; at most 16 million can be sent"),
    ):
        await choose(player, file)
        await expect(note).to_contain_text(why)
        await expect(player.locator("#picture")).to_be_hidden()


async def test_a_picture_that_the_server_refuses_is_told_and_the_prompt_comes_back(
    player: Page,
) -> None:
    await choose(player, picture(kind="JPEG"))
    await player.locator("#prompt").focus()
    await submit(player, RED)
    await expect(player.locator("#note")).to_contain_text("The picture was not taken. ")
    await expect(player.get_by_role("textbox", name="Prompt")).to_have_value(RED)
    await player.locator("#prompt").press("Enter")
    await until(player, done(0))
