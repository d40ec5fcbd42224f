from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from matinee.media.media_stream import Fragment, MediaStream
from matinee.session.video import JpegStream, SessionVideo, encode, encoder_settings, open_video
from matinee_api.config.runtime_config import StreamingConfig
from tests.unit.runtime.media.pictures import moving_i420
from tests.unit.runtime.session.making import INFO


def encoded(video: SessionVideo, frames: int) -> list[Fragment]:
    fragments: list[Fragment] = []
    pictures = [moving_i420(32, 32, index) for index in range(frames)]
    encode(video, pictures, [None] * frames, fragments.append, flush=True)
    return fragments


def opened(mode: Any, config: StreamingConfig, start_frame: int = 0) -> SessionVideo:
    return open_video(encoder_settings(mode, INFO.defaults, config, None), start_frame)


def test_each_mode_has_its_video() -> None:
    config = StreamingConfig(first_fragment_frames=2, fragment_frames=3)
    assert isinstance(opened("legacy_jpeg", config), JpegStream)
    video = opened("av_fmp4", config)
    assert isinstance(video, MediaStream)
    assert [fragment.frames for fragment in encoded(video, 9)] == [2, 3, 3, 1]


def test_every_jpeg_is_a_fragment_of_its_own() -> None:
    video = JpegStream(20)
    fragments = encoded(video, 2) + encoded(video, 1)
    assert [fragment.pts_ms for fragment in fragments] == [0.0, 50.0, 100.0]
    assert video.pts_ms == 150.0
    for fragment in fragments:
        assert (fragment.frames, fragment.duration_ms, fragment.keyframe) == (1, 50.0, True)
        assert Image.open(io.BytesIO(fragment.data)).size == (32, 32)


def test_jpegs_need_nothing_before_them() -> None:
    video = JpegStream(20)
    video.start_segment()
    video.request_keyframe()
    assert (video.mime, video.timescale, video.init, video.flush()) == (
        "image/jpeg",
        None,
        None,
        None,
    )


@pytest.mark.parametrize("mode", ["av_fmp4", "legacy_jpeg"])
def test_an_empty_chunk_makes_no_fragment(mode: str) -> None:
    video = opened(mode, StreamingConfig())
    assert encoded(video, 0) == []


@pytest.mark.parametrize("mode", ["av_fmp4", "legacy_jpeg"])
def test_a_video_goes_on_in_time_where_it_was_left(mode: str) -> None:
    video = opened(mode, StreamingConfig(), start_frame=24)
    assert video.pts_ms == 1000.0
    assert encoded(video, 1)[0].pts_ms == 1000.0
