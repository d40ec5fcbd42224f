from __future__ import annotations

import struct
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.media.media_stream import Fragment, MediaStream
from tests.unit.runtime.media.mp4_reading import (
    boxes,
    content_of,
    decode_time,
    decoded_pictures,
    ffprobe,
    video_frames,
)
from tests.unit.runtime.media.pictures import i420_from_rgb, moving_i420, rgb_from_i420

WIDTH, HEIGHT = 64, 48


def segment(
    stream: MediaStream, frames: int, *, chunk: int = 1000, first: int = 0
) -> list[Fragment]:
    """Push a segment of moving pictures, flushing after each chunk and at the end."""
    stream.start_segment()
    fragments = []
    for count in range(1, frames + 1):
        fragments.append(stream.push(moving_i420(WIDTH, HEIGHT, first + count)))
        if count % chunk == 0:
            fragments.append(stream.flush())
    fragments.append(stream.flush())
    return [fragment for fragment in fragments if fragment]


def joined(stream: MediaStream, fragments: list[Fragment]) -> bytes:
    return stream.init + b"".join(fragment.data for fragment in fragments)


def test_a_segment_leaves_as_one_picture_then_six_at_a_time_then_the_rest() -> None:
    fragments = segment(MediaStream(WIDTH, HEIGHT, 24), 15)

    assert [fragment.frames for fragment in fragments] == [1, 6, 6, 2]
    assert [fragment.keyframe for fragment in fragments] == [True, False, False, False]


def test_the_numbers_of_pictures_in_a_fragment_can_be_set() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24, first_fragment_frames=2, fragment_frames=3)

    assert [fragment.frames for fragment in segment(stream, 9)] == [2, 3, 3, 1]


def test_the_end_of_a_chunk_sends_what_is_there() -> None:
    fragments = segment(MediaStream(WIDTH, HEIGHT, 24), 16, chunk=9)

    assert [fragment.frames for fragment in fragments] == [1, 6, 2, 6, 1]


def test_nothing_is_flushed_twice() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    segment(stream, 4)

    assert stream.flush() is None


def test_the_init_is_ftyp_and_moov_and_stays_the_same() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    before = stream.init
    segment(stream, 3)

    assert [box.path for box in boxes(before) if "/" not in box.path] == ["ftyp", "moov"]
    assert before == stream.init


@pytest.mark.parametrize(
    ("preset", "size", "mime"),
    [
        ("ultrafast", (256, 256), 'video/mp4; codecs="avc1.42c00d"'),
        ("ultrafast", (832, 480), 'video/mp4; codecs="avc1.42c01e"'),
        ("superfast", (832, 480), 'video/mp4; codecs="avc1.64001e"'),
    ],
)
def test_the_mime_type_tells_the_true_profile_and_level(
    preset: str, size: tuple[int, int], mime: str
) -> None:
    assert MediaStream(*size, fps=24, preset=preset).mime == mime


@settings(max_examples=15)
@given(
    width=st.integers(8, 60).map(lambda half: 2 * half),
    height=st.integers(8, 60).map(lambda half: 2 * half),
    fps=st.integers(1, 120),
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=4),
)
def test_whatever_the_size_rate_and_lengths_every_picture_arrives_at_its_time(
    width: int, height: int, fps: int, counts: list[int]
) -> None:
    stream = MediaStream(width, height, fps)
    data = stream.init
    for frames in counts:
        stream.start_segment()
        for index in range(frames):
            fragment = stream.push(moving_i420(width, height, index))
            data += fragment.data if fragment else b""
        rest = stream.flush()
        data += rest.data if rest else b""

    assert all(box.path for box in boxes(data)), "all sizes add up"
    frames_out = video_frames(data) if sum(counts) else []
    assert [(f.width, f.height) for f in frames_out] == [(width, height)] * sum(counts)
    assert [f.pts for f in frames_out] == [1000 * index for index in range(sum(counts))]
    assert {f.time_base for f in frames_out} <= {Fraction(1, 1000 * fps)}


def test_each_segment_decodes_without_the_segments_before_it() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    segments = [segment(stream, 8, first=30 * number) for number in range(3)]
    whole = decoded_pictures(joined(stream, list(chain.from_iterable(segments))))

    for number, fragments in enumerate(segments):
        alone = decoded_pictures(joined(stream, fragments))
        np.testing.assert_array_equal(alone, whole[8 * number : 8 * number + 8])


def test_each_fragment_decodes_as_soon_as_it_arrives() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    fragments = segment(stream, 15)

    counts = [len(video_frames(joined(stream, fragments[: n + 1]))) for n in range(len(fragments))]

    assert counts == [1, 7, 13, 15]


@pytest.mark.parametrize("fps", [8, 24, 30, 7])
def test_times_go_on_over_segments_without_a_gap(fps: int) -> None:
    stream = MediaStream(WIDTH, HEIGHT, fps)
    fragments = [f for number in range(4) for f in segment(stream, 4 + number)]

    ends = [fragment.pts_ms + fragment.duration_ms for fragment in fragments]
    assert [fragment.pts_ms for fragment in fragments] == pytest.approx([0.0, *ends[:-1]])
    assert [ends[-1], stream.pts_ms] == pytest.approx([22 * 1000 / fps] * 2)
    assert [decode_time(fragment.data) / stream.timescale * 1000 for fragment in fragments] == [
        fragment.pts_ms for fragment in fragments
    ]


def test_fragments_are_counted_over_the_whole_session_and_its_next_life() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    fragments = [f for _ in range(3) for f in segment(stream, 9)]
    elsewhere = MediaStream(WIDTH, HEIGHT, 24, start_frame=27, start_fragment=len(fragments))
    fragments += segment(elsewhere, 9)

    numbers = [content_of(fragment.data, "moof/mfhd") for fragment in fragments]
    assert numbers == [struct.pack(">4xI", 1 + count) for count in range(12)]


def test_no_two_seconds_pass_without_an_idr() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 4)
    fragments = segment(stream, 20)

    assert [f.pts_ms for f in fragments if f.keyframe] == [0, 2000, 4000]
    assert stream.keyframes == ()  # they come by themselves, wherever the segment is made again


def test_after_a_cancel_the_next_segment_begins_where_the_pictures_stopped() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    stream.start_segment()
    for index in range(4):  # of a segment that was to have more
        stream.push(moving_i420(WIDTH, HEIGHT, index))
    rest = stream.flush()
    after = segment(stream, 3)

    assert rest is not None
    assert rest.frames == 3
    assert after[0].keyframe
    assert decode_time(after[0].data) == 4 * 1000


def test_a_resumed_session_goes_on_at_its_frame() -> None:
    one_life = MediaStream(WIDTH, HEIGHT, 24)
    segment(one_life, 10)
    uninterrupted = segment(one_life, 8)
    second_life = MediaStream(WIDTH, HEIGHT, 24, start_frame=10, start_fragment=3)

    resumed = segment(second_life, 8)

    assert second_life.init == one_life.init
    assert [fragment.pts_ms for fragment in resumed] == [f.pts_ms for f in uninterrupted]
    assert [decode_time(f.data) for f in resumed] == [decode_time(f.data) for f in uninterrupted]
    assert len(video_frames(joined(second_life, resumed))) == 8


def test_a_keyframe_on_request_starts_a_fragment_that_needs_nothing_before_it() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    stream.start_segment()
    pushed = []
    for index in range(12):
        if index == 4:
            stream.request_keyframe()
        pushed.append(stream.push(moving_i420(WIDTH, HEIGHT, index)))
    fragments = [fragment for fragment in [*pushed, stream.flush()] if fragment]

    assert [fragment.frames for fragment in fragments] == [1, 3, 6, 2]
    assert [fragment.keyframe for fragment in fragments] == [True, False, True, False]
    whole = decoded_pictures(joined(stream, fragments))
    np.testing.assert_array_equal(decoded_pictures(joined(stream, fragments[2:])), whole[4:])


def test_a_segment_that_was_not_flushed_loses_no_picture() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    pushed = []
    for _ in range(2):
        stream.start_segment()
        pushed += [stream.push(moving_i420(WIDTH, HEIGHT, index)) for index in range(4)]
    fragments = [fragment for fragment in [*pushed, stream.flush()] if fragment]

    assert [fragment.frames for fragment in fragments] == [1, 3, 4]
    assert [fragment.keyframe for fragment in fragments] == [True, False, True]


def test_the_same_pictures_give_the_same_bytes() -> None:
    first, second = (MediaStream(WIDTH, HEIGHT, 24) for _ in range(2))

    assert segment(first, 20) == segment(second, 20)


@pytest.mark.parametrize("height", [64, 66])
def test_colours_survive_within_3_of_255(height: int) -> None:
    colours = [
        (200, 60, 40),
        (255, 255, 255),
        (0, 0, 0),
        (10, 200, 30),
        (20, 40, 220),
        (90, 90, 90),
    ]
    bars = np.repeat(np.array(colours, np.uint8), 32, axis=0)[np.newaxis].repeat(height, axis=0)
    bars[height // 2 :] = bars[height // 2 :, ::-1]
    stream = MediaStream(192, height, 24, crf=18)

    first = stream.push(i420_from_rgb(bars))

    assert first is not None
    shown = rgb_from_i420(decoded_pictures(stream.init + first.data)[0])
    inside = np.s_[[4, 28, 40, 60], 16::32]
    assert np.abs(shown[inside].astype(int) - bars[inside]).max() <= 3


@pytest.mark.ffmpeg
@pytest.mark.parametrize("fps", [8, 24, 30])
def test_ffprobe_sees_the_rate_the_count_and_the_colours(fps: int, tmp_path: Path) -> None:
    stream = MediaStream(WIDTH, HEIGHT, fps)
    fragments = segment(stream, 9) + segment(stream, 9)
    path = tmp_path / "stream.mp4"
    path.write_bytes(joined(stream, fragments))

    seen = ffprobe(path)

    assert seen["nb_read_frames"] == "18"
    assert seen["avg_frame_rate"] == seen["r_frame_rate"] == f"{fps}/1"
    assert float(seen["duration"]) == pytest.approx(18 / fps)
    assert seen["sample_aspect_ratio"] == "1:1"
    assert [seen[key] for key in ("color_space", "color_transfer", "color_primaries")] == [
        "bt709"
    ] * 3
    assert seen["color_range"] == "tv"


def test_a_segments_bytes_do_not_depend_on_the_segments_before_it() -> None:
    """So a session that goes on elsewhere gives the bytes that it would have given here."""
    whole = MediaStream(WIDTH, HEIGHT, 24)
    elsewhere = MediaStream(WIDTH, HEIGHT, 24, start_frame=9, start_fragment=len(segment(whole, 9)))
    assert segment(whole, 20, first=100) == segment(elsewhere, 20, first=100)


def test_a_segment_made_again_has_its_keyframes_at_the_same_places() -> None:
    first, again = MediaStream(WIDTH, HEIGHT, 24), MediaStream(WIDTH, HEIGHT, 24)
    streams: list[list[Fragment | None]] = []
    for stream, known in ((first, ()), (again, (4, 9))):
        stream.start_segment(known)
        pushed = []
        for index in range(12):
            if stream is first and index in (4, 9):
                stream.request_keyframe()
            pushed.append(stream.push(moving_i420(WIDTH, HEIGHT, index)))
        streams.append([*pushed, stream.flush()])
    assert first.keyframes == again.keyframes == (4, 9)
    assert streams[0] == streams[1]


def test_the_next_segment_has_keyframes_of_its_own() -> None:
    stream = MediaStream(WIDTH, HEIGHT, 24)
    stream.start_segment((2,))
    segment(stream, 5)
    assert [fragment.keyframe for fragment in segment(stream, 5)] == [True, False]
    assert stream.keyframes == ()
