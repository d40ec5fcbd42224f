"""Sound beside pictures on the one timeline of a session."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from matinee.generation import AudioFormat, samples_of
from matinee.media.aac import FRAME_SAMPLES
from matinee.media.media_stream import Fragment, MediaStream
from tests.unit.runtime.media.mp4_reading import boxes, ffprobe_streams
from tests.unit.runtime.media.pictures import moving_i420
from tests.unit.runtime.media.sounds import frequency, heard, tone

WIDTH, HEIGHT, FPS, RATE = 64, 48, 24, 48_000
STEREO = AudioFormat(RATE, 2)


def segment(
    stream: MediaStream, frames: int, hz: float, *, first: int = 0, rate: int = RATE
) -> list[Fragment]:
    """`first`: number of its first sample, on which the tone goes on."""
    stream.start_segment()
    fragments = []
    for frame in range(frames):
        length = samples_of(frame, 1, rate, FPS)
        sound = tone(hz, length, rate, first=first)
        first += length
        fragments.append(stream.push(moving_i420(WIDTH, HEIGHT, frame), sound))
    fragments.append(stream.flush())
    return [fragment for fragment in fragments if fragment]


def file_of(stream: MediaStream, fragments: list[Fragment]) -> bytes:
    return stream.init + b"".join(fragment.data for fragment in [*fragments, *stream.finish()])


def test_the_type_names_both_codecs() -> None:
    stream = MediaStream(WIDTH, HEIGHT, FPS, audio=STEREO)
    assert stream.mime == 'video/mp4; codecs="avc1.42c00a,mp4a.40.2"'
    assert [box.path for box in boxes(stream.init)].count("moov/trak") == 2


def test_without_sound_nothing_of_it_is_in_the_stream() -> None:
    stream = MediaStream(WIDTH, HEIGHT, FPS)
    fragments = segment(stream, 9, 440)
    assert stream.mime == 'video/mp4; codecs="avc1.42c00a"'
    assert stream.finish() == []
    assert b"mp4a" not in file_of(stream, fragments)


def test_a_fragment_holds_the_sound_that_is_coded_by_then() -> None:
    stream = MediaStream(WIDTH, HEIGHT, FPS, audio=STEREO)
    fragments = segment(stream, 13, 440)
    runs = [[box.path for box in boxes(f.data)].count("moof/traf") for f in fragments]
    assert [fragment.frames for fragment in fragments] == [1, 6, 6]
    assert runs == [1, 2, 2]  # the first picture waits for no sound


@pytest.mark.parametrize("rate", [48_000, 44_100, 24_000])
def test_the_tone_is_heard_as_long_as_the_pictures_are_seen(rate: int) -> None:
    stream = MediaStream(WIDTH, HEIGHT, FPS, audio=AudioFormat(rate, 2))
    sound = heard(file_of(stream, segment(stream, 48, 440, rate=rate)))
    assert 0 <= len(sound) - 2 * rate < FRAME_SAMPLES  # the decoder shows the last frame whole
    assert frequency(sound[: 2 * rate, 0], rate) == pytest.approx(440, abs=0.5)


def test_segments_join_without_a_gap_or_an_overlap() -> None:
    """The tone that goes on over three segments is the one that was never cut."""
    cut, whole = (MediaStream(WIDTH, HEIGHT, FPS, audio=STEREO) for _ in range(2))
    lengths = [17, 16, 15]
    fragments, frames = [], 0
    for length in lengths:
        fragments += segment(cut, length, 440, first=frames * 2000)
        frames += length
    joined = heard(file_of(cut, fragments))
    assert np.array_equal(joined, heard(file_of(whole, segment(whole, frames, 440))))
    expected = tone(440, frames * 2000, RATE)
    assert np.abs(joined[: len(expected)] - expected)[2000:-2000].max() < 0.02


def test_sound_and_pictures_begin_together() -> None:
    """Silent black for a second, then both change with the same frame."""
    stream = MediaStream(WIDTH, HEIGHT, FPS, audio=STEREO)
    fragments = []
    for frame in range(48):
        light = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        light[:HEIGHT] = 16 if frame < 24 else 235
        sound = tone(440, 2000, RATE) * (frame >= 24)
        fragments.append(stream.push(light, sound))
    data = file_of(stream, [fragment for fragment in [*fragments, stream.flush()] if fragment])
    with av.open(io.BytesIO(data), "r") as container:
        bright = [float(f.to_ndarray()[:HEIGHT].mean()) > 100 for f in container.decode(video=0)]
    assert bright.index(True) == 24
    assert abs(int(np.argmax(np.abs(heard(data)[:, 0]) > 0.1)) - RATE) < 100


@pytest.mark.ffmpeg
def test_ffprobe_sees_both_tracks_equally_long(tmp_path: Path) -> None:
    stream = MediaStream(WIDTH, HEIGHT, FPS, audio=STEREO)
    path = tmp_path / "both.mp4"
    path.write_bytes(file_of(stream, segment(stream, 49, 440)))
    video, audio = ffprobe_streams(path)
    assert (video["codec_name"], audio["codec_name"]) == ("h264", "aac")
    lasts = [float(track["duration"]) for track in (video, audio)]
    assert lasts[0] == pytest.approx(49 / FPS, abs=0.001)
    assert lasts[1] == pytest.approx(lasts[0], abs=1 / FPS)
