"""The writer against our own box walk, and audio beside video against FFmpeg's demuxer."""

from __future__ import annotations

import io
import json
import struct
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from av.codec.context import Flags
from hypothesis import given
from hypothesis import strategies as st

from matinee.media.fmp4 import Run, Sample, fragment, init_segment
from matinee.media.h264 import H264Encoder
from matinee.media.tracks import AudioTrack, VideoTrack
from tests.unit.runtime.media.mp4_reading import boxes, content_of
from tests.unit.runtime.media.pictures import moving_i420

FPS, SAMPLE_RATE, AAC_FRAME = 24, 48_000, 1024

samples = st.builds(
    Sample,
    payload=st.binary(max_size=40),
    duration=st.integers(0, 2**32 - 1),
    sync=st.booleans(),
)
runs = st.lists(
    st.builds(
        Run,
        track_id=st.integers(1, 9),
        decode_time=st.integers(0, 2**64 - 1),
        samples=st.lists(samples, max_size=8).map(tuple),
    ),
    max_size=3,
    unique_by=lambda run: run.track_id,
)


@given(sequence_number=st.integers(1, 2**32 - 1), written=runs)
def test_a_fragment_read_by_the_specification_gives_back_its_runs(
    sequence_number: int, written: list[Run]
) -> None:
    data = fragment(sequence_number, written)

    assert [box.path for box in boxes(data) if "/" not in box.path] == ["moof", "mdat"]
    assert content_of(data, "moof/mfhd") == struct.pack(">4xI", sequence_number)
    assert read_runs(data) == written


def read_runs(data: bytes) -> list[Run]:
    """Follow each trun's offset, which counts from the start of the moof, here 0."""
    found = []
    headers = [box.content for box in boxes(data) if box.path == "moof/traf/tfhd"]
    times = [box.content for box in boxes(data) if box.path == "moof/traf/tfdt"]
    tables = [box.content for box in boxes(data) if box.path == "moof/traf/trun"]
    for header, time, table in zip(headers, times, tables, strict=True):
        (track_id,) = struct.unpack_from(">I", header, 4)
        (decode_time,) = struct.unpack_from(">Q", time, 4)
        (offset,) = struct.unpack_from(">i", table, 8)
        rows = []
        for duration, size, flags in struct.iter_unpack(">III", table[12:]):
            rows.append(Sample(data[offset : offset + size], duration, flags == 0x02000000))
            offset += size
        found.append(Run(track_id, decode_time, tuple(rows)))
    return found


def test_a_sample_that_is_no_sync_sample_depends_on_others() -> None:
    data = fragment(1, [Run(1, 0, (Sample(b"x", 1, sync=False),))])

    (flags,) = struct.unpack_from(">I", content_of(data, "moof/traf/trun"), 20)
    depends_on, is_non_sync = flags >> 24 & 3, flags >> 16 & 1
    assert (depends_on, is_non_sync) == (1, 1)


def test_the_init_segment_is_exactly_ftyp_and_moov() -> None:
    video, audio, _, _ = coded_tracks(seconds=0)

    paths = [box.path for box in boxes(init_segment([video, audio]))]

    assert [path for path in paths if "/" not in path] == ["ftyp", "moov"]
    assert paths.count("moov/trak") == paths.count("moov/mvex/trex") == 2
    assert "moov/mvex/mehd" not in paths


def test_the_init_segment_states_bt709_in_limited_range_and_square_pixels() -> None:
    video, _, _, _ = coded_tracks(seconds=0)
    entry = "moov/trak/mdia/minf/stbl/stsd/avc1"

    init = init_segment([video])

    assert content_of(init, f"{entry}/colr") == b"nclx\x00\x01\x00\x01\x00\x01\x00"
    assert content_of(init, f"{entry}/pasp") == struct.pack(">II", 1, 1)
    assert content_of(init, f"{entry}/avcC") == video.avcc


def test_audio_and_video_of_one_file_both_decode_in_step() -> None:
    data = audio_video_file()
    with av.open(io.BytesIO(data), "r") as container:
        pictures = [frame.pts for frame in container.decode(video=0)]
    with av.open(io.BytesIO(data), "r") as container:
        sounds = [frame.pts for frame in container.decode(audio=0)]

    assert pictures == [1000 * index for index in range(FPS)]
    assert sounds == [AAC_FRAME * index for index in range(SAMPLE_RATE // AAC_FRAME - 1)]


def test_a_sound_is_heard_when_it_was_made() -> None:
    """The tone begins at the second half of the second; the encoder's priming is left out."""
    with av.open(io.BytesIO(audio_video_file()), "r") as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    begins = int(np.argmax(np.abs(heard) > 0.2))
    assert abs(begins - SAMPLE_RATE // 2) < 100


@pytest.mark.ffmpeg
def test_ffprobe_sees_both_tracks_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "both.mp4"
    path.write_bytes(audio_video_file())

    entries = "stream=codec_name,profile,sample_rate,channels,width,height,time_base"
    run = subprocess.run(
        ["ffprobe", "-v", "warning", "-show_entries", entries, "-of", "json", str(path)],
        capture_output=True,
        check=True,
    )

    assert run.stderr == b""
    assert json.loads(run.stdout)["streams"] == [
        {
            "codec_name": "h264",
            "profile": "Constrained Baseline",
            "width": 64,
            "height": 48,
            "time_base": "1/24000",
        },
        {
            "codec_name": "aac",
            "profile": "LC",
            "sample_rate": "48000",
            "channels": 2,
            "time_base": "1/48000",
        },
    ]


def test_a_track_names_its_codec_for_the_browser() -> None:
    video, audio, _, _ = coded_tracks(seconds=0)

    assert (video.codec, audio.codec) == ("avc1.42c00a", "mp4a.40.2")


def audio_video_file() -> bytes:
    """One second in two fragments, each with a run of video and a run of audio."""
    video, audio, pictures, sounds = coded_tracks(seconds=1)
    half_video, half_audio = len(pictures) // 2, len(sounds) // 2
    return (
        init_segment([video, audio])
        + fragment(1, [Run(1, 0, pictures[:half_video]), Run(2, 0, sounds[:half_audio])])
        + fragment(
            2,
            [
                Run(1, half_video * 1000, pictures[half_video:]),
                Run(2, half_audio * AAC_FRAME, sounds[half_audio:]),
            ],
        )
    )


def coded_tracks(
    seconds: int,
) -> tuple[VideoTrack, AudioTrack, tuple[Sample, ...], tuple[Sample, ...]]:
    encoder = H264Encoder(64, 48, FPS, "ultrafast", 23)
    coded = (encoder.encode(moving_i420(64, 48, index)) for index in range(FPS * seconds))
    pictures = tuple(Sample(picture.payload, 1000, picture.keyframe) for picture in coded)
    aac = aac_encoder()
    return (
        VideoTrack(1, FPS * 1000, 64, 48, encoder.avcc),
        AudioTrack(2, SAMPLE_RATE, 2, bytes(aac.extradata or b""), AAC_FRAME),
        pictures,
        tuple(coded_sound(aac, SAMPLE_RATE * seconds // AAC_FRAME)),
    )


def aac_encoder() -> AudioCodecContext:
    context = av.CodecContext.create("aac", "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.layout, context.format = SAMPLE_RATE, "stereo", "fltp"
    context.flags |= Flags.global_header
    context.open()
    return context


def coded_sound(context: AudioCodecContext, frames: int) -> list[Sample]:
    """Half a second of silence, then a tone of 440 Hz."""
    coded: list[Sample] = []
    for index in range(frames + 1):
        time = (np.arange(AAC_FRAME) + index * AAC_FRAME) / SAMPLE_RATE
        tone = np.where(time < 0.5, 0, np.sin(2 * np.pi * 440 * time)).astype(np.float32)
        sound = av.AudioFrame.from_ndarray(np.stack([tone, tone]), "fltp", "stereo")
        sound.sample_rate, sound.pts = SAMPLE_RATE, index * AAC_FRAME
        coded += [Sample(bytes(packet), AAC_FRAME) for packet in context.encode(sound)]
    return coded[:frames]
