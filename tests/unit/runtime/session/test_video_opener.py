from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from matinee.session.video import encoder_settings
from matinee.session.video_opener import VideoOpener
from matinee_api.config.runtime_config import StreamingConfig
from tests.unit.runtime.session.making import INFO

SETTINGS = encoder_settings("av_fmp4", INFO.defaults, StreamingConfig(), None)
OTHERS = replace(SETTINGS, fps=SETTINGS.fps + 1)


@pytest.fixture
def encoders() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


async def test_a_viewer_gets_what_was_opened_ahead(encoders: ThreadPoolExecutor) -> None:
    opener = VideoOpener(encoders)
    opener.open_ahead(SETTINGS)
    encoders.shutdown()  # nothing is opened from here on
    video = await opener.open(SETTINGS)
    assert video.mime.startswith("video/mp4")
    with pytest.raises(RuntimeError):
        await opener.open(SETTINGS)


async def test_nobody_gets_another_viewer_s_encoder(encoders: ThreadPoolExecutor) -> None:
    opener = VideoOpener(encoders)
    opener.open_ahead(SETTINGS)
    opener.open_ahead(SETTINGS)
    videos = [await opener.open(SETTINGS) for _ in range(3)]
    assert len(set(map(id, videos))) == 3


async def test_other_settings_are_opened_for_themselves(encoders: ThreadPoolExecutor) -> None:
    opener = VideoOpener(encoders)
    opener.open_ahead(SETTINGS)
    other = await opener.open(OTHERS)
    assert other.timescale == OTHERS.fps * 1000
    encoders.shutdown()
    assert (await opener.open(SETTINGS)).timescale == SETTINGS.fps * 1000


async def test_the_last_viewer_s_settings_take_the_place_of_others(
    encoders: ThreadPoolExecutor,
) -> None:
    opener = VideoOpener(encoders)
    opener.open_ahead(SETTINGS)
    opener.open_ahead(OTHERS)
    encoders.shutdown()
    assert (await opener.open(OTHERS)).timescale == OTHERS.fps * 1000


class OutOfMemoryAtFirst(ThreadPoolExecutor):
    """Its first task finds no memory."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.submit = super().submit  # type: ignore[method-assign]
        failed: Future[Any] = Future()
        failed.set_exception(MemoryError())
        return failed


async def test_a_viewer_hears_nothing_of_a_spare_that_failed() -> None:
    with OutOfMemoryAtFirst(1) as encoders:
        opener = VideoOpener(encoders)
        opener.open_ahead(SETTINGS)
        assert (await opener.open(SETTINGS)).timescale == SETTINGS.fps * 1000


def test_a_server_that_ends_opens_nothing_more(encoders: ThreadPoolExecutor) -> None:
    encoders.shutdown()
    VideoOpener(encoders).open_ahead(SETTINGS)
