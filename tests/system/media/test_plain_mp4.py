"""Plain files, made of our fragments and of other servers', are read by FFmpeg's libraries."""

from __future__ import annotations

import io
import struct
from array import array
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.generation import AudioFormat
from matinee.media.boxes import box, full_box
from matinee.media.fragmented import Movie, NotFragmented, Samples, read_movie
from matinee.media.media_stream import Fragment, MediaStream
from matinee.media.plain_mp4 import head, plain_pieces
from tests.unit.runtime.media.mp4_reading import (
    boxes,
    content_of,
    decoded_pictures,
    ffprobe_streams,
    video_frames,
)
from tests.unit.runtime.media.pictures import moving_i420
from tests.unit.runtime.media.sounds import heard, tone

WIDTH, HEIGHT, FPS, RATE = 64, 48, 24, 48_000


def recorded(
    segments: tuple[int, ...] = (9,), *, audio: AudioFormat | None = None, start_frame: int = 0
) -> tuple[bytes, list[Fragment]]:
    """The init segment and the fragments of a session."""
    stream = MediaStream(WIDTH, HEIGHT, FPS, audio=audio, start_frame=start_frame)
    fragments = []
    for frames in segments:
        stream.start_segment()
        for index in range(frames):
            sound = tone(440, RATE // FPS, RATE, first=index * RATE // FPS) if audio else None
            fragments.append(stream.push(moving_i420(WIDTH, HEIGHT, index), sound))
        fragments.append(stream.flush())
    return stream.init, [one for one in [*fragments, *stream.finish()] if one]


def joined(init: bytes, fragments: list[Fragment]) -> bytes:
    return init + b"".join(fragment.data for fragment in fragments)


def plain(fragmented: bytes) -> bytes:
    return b"".join(plain_pieces(io.BytesIO(fragmented)))


@pytest.mark.ffmpeg
@pytest.mark.parametrize("start_frame", [0, 100])
def test_ffprobe_knows_length_and_count_from_the_head_alone(
    tmp_path: Path, start_frame: int
) -> None:
    """Also of a session that began elsewhere: the file begins at 0."""
    data = joined(*recorded((97, 96), audio=AudioFormat(RATE, 2), start_frame=start_frame))
    path = tmp_path / "video.mp4"
    path.write_bytes(plain(data))
    video, audio = ffprobe_streams(path)
    assert video["nb_frames"] == video["nb_read_frames"] == "193"
    assert video["avg_frame_rate"] == video["r_frame_rate"] == f"{FPS}/1"
    for track in (video, audio):
        assert float(track["start_time"]) == 0
        assert float(track["duration"]) == pytest.approx(193 / FPS, abs=1 / RATE)


def test_nothing_is_encoded_again() -> None:
    data = joined(*recorded((30, 20), audio=AudioFormat(RATE, 2)))
    np.testing.assert_array_equal(decoded_pictures(plain(data)), decoded_pictures(data))
    samples = 50 * RATE // FPS
    np.testing.assert_array_equal(heard(plain(data))[:samples], heard(data)[:samples])


def test_the_index_comes_first_and_there_is_an_idr_every_two_seconds() -> None:
    data = plain(joined(*recorded((120,))))
    assert [box.path for box in boxes(data) if "/" not in box.path] == ["ftyp", "moov", "mdat"]
    sync = content_of(data, "moov/trak/mdia/minf/stbl/stss")
    assert struct.unpack(">4x4I", sync) == (3, 1, 49, 97)


def test_what_a_slow_viewer_missed_is_a_picture_that_stands() -> None:
    init, fragments = recorded((24, 24))
    kept = [one for one in fragments if not 0 < one.pts_ms < 1000]
    times = [frame.time for frame in video_frames(plain(joined(init, kept)))]
    assert times == pytest.approx([0, *(1 + index / FPS for index in range(24))], abs=1e-6)


def test_what_is_cut_off_is_left_out() -> None:
    init, fragments = recorded((20,))
    cut = joined(init, fragments)[:-10]
    frames = sum(fragment.frames for fragment in fragments[:-1])
    assert len(video_frames(plain(cut))) == frames
    assert len(video_frames(plain(joined(init, fragments) + b"\0\0\0\x40moof"))) == 20


def another_servers(flags: str) -> bytes:
    """Libavformat's, with pictures that are not shown in the order of their decoding."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"movflags": flags}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "10", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(40):
            picture = moving_i420(WIDTH, HEIGHT, index)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("flags", ["empty_moov", "empty_moov+default_base_moof", "delay_moov"])
def test_fragments_of_another_server_become_a_plain_file_too(flags: str) -> None:
    data = another_servers(f"frag_keyframe+{flags}")
    made = plain(data)
    assert b"moof" not in made
    assert [frame.time for frame in video_frames(made)] == [f.time for f in video_frames(data)]
    np.testing.assert_array_equal(decoded_pictures(made), decoded_pictures(data))


def test_samples_outside_of_fragments_are_not_lost() -> None:
    with pytest.raises(NotFragmented):
        plain(another_servers("frag_keyframe"))


def test_a_file_of_more_than_4_gib_has_wide_places() -> None:
    small = read_movie(io.BytesIO(joined(*recorded())))
    (track,) = small.tracks.values()
    wide = Samples(track.trak, track.timescale, 0, (0, 0, 0), start=0)
    places = [0, 2**31, 2**32 - 1]
    for place in places:
        wide.add(place, [(1000, 5, 0, 0)])
    made = head(Movie({1: wide}, array("Q"), 2**33))
    co64 = content_of(made[:-16] + b"\0\0\0\x08mdat", "moov/trak/mdia/minf/stbl/co64")
    assert struct.unpack(">8x3Q", co64) == tuple(len(made) + place for place in places)
    assert made[-16:] == struct.pack(">I4sQ", 1, b"mdat", 2**33 + 16)


@pytest.mark.parametrize("data", [b"", b"not a film", bytes(100), b"\0\0\0\x10moov\0\0\0\x08trak"])
def test_what_is_no_fragmented_file_is_told(data: bytes) -> None:
    with pytest.raises(NotFragmented):
        plain(data)


def test_samples_that_take_no_bytes_take_no_memory() -> None:
    init, _ = recorded((1,))
    track = full_box(b"tfhd", 0, 0x20010, struct.pack(">II", 1, 0))  # of size 0, all of them
    run = full_box(b"trun", 0, 0, struct.pack(">I", 2**20))
    moof = box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", 1)), box(b"traf", track, run))
    with pytest.raises(NotFragmented):
        plain(init + moof + box(b"mdat"))


WHOLE = joined(*recorded(audio=AudioFormat(RATE, 2)))


@settings(max_examples=200)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 4), st.sampled_from([0, 1, 2**31, 2**32 - 1])),
        max_size=3,
    ),
    length=st.integers(0, len(WHOLE)),
)
def test_whatever_a_server_sent_it_is_rewritten_or_told(
    changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(WHOLE[: max(length, len(WHOLE) // 2)])
    for place, value in changes:
        data[place : place + 4] = struct.pack(">I", value)
    try:
        made = plain(bytes(data))
    except NotFragmented:
        return
    assert len(made) <= 3 * len(WHOLE)
