"""The append queue with real fragments: holes, duplicates, a new connection's clock, old video."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page

from matinee.media.media_stream import MediaStream
from tests.system.end_to_end.serving import Server
from tests.system.player.browser import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SETUP = """
(async () => {
    const { Media } = await import("/player/media.js");
    const video = document.createElement("video");
    video.muted = true;
    document.body.append(video);
    window.failures = [];
    window.media = new Media(video, (error) => failures.push(String(error)));
    const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer;
    window.begin = (init, mime) => { media.expectInit(mime); media.take(bytes(init)); };
    window.take = (fragments) => fragments.map((one) => media.take(bytes(one)));
})()
"""


class Stream:
    """A session's video at 8 frames a second, one segment of eight frames a call."""

    def __init__(self, start_frame: int = 0) -> None:
        self._video = MediaStream(64, 64, 8, start_frame=start_frame)
        self.begin = f"begin({encoded(self._video.init)}, {json.dumps(self._video.mime)})"

    def fragments(self) -> list[str]:
        """Fragments of 1, 6 and 1 frames, as JavaScript strings."""
        self._video.start_segment()
        made = []
        for brightness in range(8):
            picture = np.full((96, 64), 100 + brightness, dtype=np.uint8)
            made.append(self._video.push(picture))
        made.append(self._video.flush())
        return [encoded(one.data) for one in made if one]


def encoded(data: bytes) -> str:
    return json.dumps(base64.b64encode(data).decode())


async def take(page: Page, fragments: list[str]) -> list[float | None]:
    places: list[float | None] = await page.evaluate(f"take([{','.join(fragments)}])")
    return places


@pytest_asyncio.fixture(loop_scope="session")
async def media(tab: Page, server: Server) -> Page:
    """A video of its own on the player's page, under the same policy."""
    await tab.goto(f"{server.url}/player")
    await tab.evaluate(SETUP)
    return tab


async def buffered(page: Page, end: float) -> list[list[float]]:
    await until(page, f"Math.abs(media.end() - {end}) < 0.01 && media.pending === 0")
    ranges: list[list[float]] = await page.evaluate("media.ranges")
    return ranges


async def test_a_hole_is_jumped_when_the_picture_stands_still(media: Page) -> None:
    stream = Stream()
    first, _skipped, third = stream.fragments(), stream.fragments(), stream.fragments()
    await media.evaluate(stream.begin)
    assert await take(media, first + third) == [0, 0.125, 0.875, 2, 2.125, 2.875]
    assert await buffered(media, 3) == [[0, 1], [2, 3]]
    await media.evaluate("media.video.play()")
    await until(media, "media.video.currentTime > 2.2")
    assert await media.evaluate("media.gapsJumped") == 1


async def test_repeated_fragments_and_inits_are_ignored(media: Page) -> None:
    stream = Stream()
    fragments = stream.fragments()
    await media.evaluate(stream.begin)
    await take(media, fragments)
    await media.evaluate(stream.begin)
    assert await take(media, fragments) == [None, None, None]
    assert await buffered(media, 1) == [[0, 1]]


@pytest.mark.parametrize("start_frame", [0, 40])
async def test_a_new_connections_video_follows_the_old_wherever_its_clock_starts(
    media: Page, start_frame: int
) -> None:
    old, new = Stream(), Stream(start_frame)
    await media.evaluate(old.begin)
    await take(media, old.fragments())
    await buffered(media, 1)
    await media.evaluate("media.beginConnection()")
    await media.evaluate(new.begin)
    assert await take(media, new.fragments()) == [1, 1.125, 1.875]
    assert await buffered(media, 2) == [[0, 2]]


async def test_a_stream_that_starts_late_begins_at_once(media: Page) -> None:
    stream = Stream(start_frame=80)
    await media.evaluate(stream.begin)
    assert await take(media, stream.fragments()) == [0, 0.125, 0.875]
    assert await buffered(media, 1) == [[0, 1]]


async def test_video_far_behind_is_dropped(media: Page) -> None:
    stream = Stream()
    await media.evaluate(stream.begin)
    for _ in range(60):
        await take(media, stream.fragments())
    await buffered(media, 60)
    await media.evaluate("media.video.currentTime = 55")
    await take(media, stream.fragments())
    await until(media, "media.ranges[0][0] > 0")
    ranges = await buffered(media, 61)
    assert len(ranges) == 1
    assert 20 <= ranges[0][0] <= 26


async def test_broken_video_is_left_behind_at_the_next_segment(media: Page) -> None:
    stream = Stream()
    await media.evaluate(stream.begin)
    await take(media, stream.fragments())
    await buffered(media, 1)
    await media.evaluate("media.buffer.appendBuffer(new Uint8Array(64).fill(255))")
    await until(media, "media.rebuilds === 1")
    lost = stream.fragments()
    assert await take(media, lost) == [None, None, None]
    await media.evaluate(stream.begin)
    assert await take(media, stream.fragments()) == [0, 0.125, 0.875]
    assert await buffered(media, 1) == [[0, 1]]
    assert await media.evaluate("failures") == []
