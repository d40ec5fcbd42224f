"""What was written into a file, in a browser, from a server that sends files whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import Page

from matinee.media.media_stream import MediaStream
from matinee.media.video_output import new_output
from tests.system.player.browser import until
from tests.unit.runtime.media.pictures import moving_i420

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


class WholeFiles(SimpleHTTPRequestHandler):
    """Python's own server knows nothing of Range."""

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    handler = partial(WholeFiles, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def test_a_browser_knows_its_length_and_plays_all_of_it(tab: Page, tmp_path: Path) -> None:
    stream = MediaStream(64, 48, 24)
    with new_output(tmp_path / "video.mp4") as file:
        file.write(stream.init)
        for index in range(96):
            if fragment := stream.push(moving_i420(64, 48, index)):
                file.write(fragment.data)
        for fragment in stream.finish():
            file.write(fragment.data)
    (tmp_path / "index.html").write_text("<!doctype html><video src=video.mp4 muted></video>")
    with serving(tmp_path) as url:
        await tab.goto(url)
        assert await until(tab, "document.querySelector('video').duration") == 4
        await tab.eval_on_selector("video", "(video) => { video.playbackRate = 16; video.play(); }")
        played = "((video) => video.ended && video.currentTime)(document.querySelector('video'))"
        assert await until(tab, played) == 4
        await tab.goto("about:blank")
