from __future__ import annotations

import asyncio
import io
import itertools
import subprocess
from pathlib import Path

import av
import pytest

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import Segment, session
from tests.unit.runtime.media.mp4_reading import content_of, ffprobe, video_frames

PROMPTS = tuple(f"a {colour} ball moving left" for colour in ("red", "blue", "green", "white"))


async def watch(server: Server, seed: int = 7) -> list[Segment]:
    async with session(server, seed=seed, num_inference_steps=2) as viewer:
        return [await viewer.segment(prompt) for prompt in PROMPTS]


def frames_told(segments: list[Segment]) -> int:
    return sum(int(segment.only("media_segment_complete")["frames"]) for segment in segments)


def one_file(segments: list[Segment]) -> bytes:
    """What a client has that appends the first init segment and all the fragments."""
    fragments = [fragment for segment in segments for fragment in segment.fragments]
    return b"".join([segments[0].init, *fragments])


def video_bytes(segments: list[Segment]) -> list[list[bytes]]:
    return [segment.binaries for segment in segments]


@pytest.mark.ffmpeg
async def test_ffprobe_finds_every_frame_on_one_timeline(server: Server, tmp_path: Path) -> None:
    segments = await watch(server)
    film = tmp_path / "film.mp4"
    film.write_bytes(one_file(segments))
    stream = ffprobe(film)
    assert frames_told(segments) == int(stream["nb_read_frames"]) == 17 + 3 * 16
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 64, 64)
    tags = ("color_space", "color_transfer", "color_primaries", "color_range")
    assert [stream[tag] for tag in tags] == ["bt709", "bt709", "bt709", "tv"]
    times = _packet_times(film)
    assert len(times) == frames_told(segments)
    steps = {round(after - before, 6) for before, after in itertools.pairwise(times)}
    assert {0.125} == steps  # 8 frames a second, with no gap at the joins


@pytest.mark.ffmpeg
async def test_a_file_with_each_segments_own_init_plays_too(server: Server, tmp_path: Path) -> None:
    segments = await watch(server)
    film = tmp_path / "film.mp4"
    film.write_bytes(b"".join(data for segment in segments for data in segment.binaries))
    assert frames_told(segments) == int(ffprobe(film)["nb_read_frames"])


async def test_every_segment_starts_with_an_idr_and_needs_none_before_it(server: Server) -> None:
    segments = await watch(server)
    for segment in segments:
        frames = video_frames(b"".join(segment.binaries))
        assert segment.only("media_segment_complete")["frames"] == len(frames)
        assert frames[0].key_frame


async def test_a_segment_leaves_as_one_frame_and_then_six_at_a_time(server: Server) -> None:
    """What is left over from a chunk leaves with it and does not wait for the next one."""
    first, second, *_ = await watch(server)
    assert _frames_of_fragments(first) == [1, 6, 6, 3, 1]  # an IDR after two seconds
    assert _frames_of_fragments(second) == [1, 6, 1, 6, 2]  # two chunks of eight


async def test_every_fragment_decodes_from_its_segments_idr(server: Server) -> None:
    segments = await watch(server)
    for segment in segments:
        shown = 0
        for index in range(len(segment.fragments)):
            so_far = b"".join([segment.init, *segment.fragments[: index + 1]])
            frames = _strictly_decoded(so_far)
            assert frames > shown
            shown = frames
        assert segment.only("media_segment_complete")["frames"] == shown


async def test_the_same_seed_and_prompts_give_the_same_bytes_alone_and_beside_others(
    server: Server,
) -> None:
    alone = await watch(server)
    again, *others = await asyncio.gather(*(watch(server, seed) for seed in (7, 8, 9, 10)))
    assert video_bytes(alone) == video_bytes(again)
    for other in others:
        assert video_bytes(other) != video_bytes(alone)


def _frames_of_fragments(segment: Segment) -> list[int]:
    runs = [content_of(fragment, "moof/traf/trun") for fragment in segment.fragments]
    return [int.from_bytes(run[4:8]) for run in runs]


def _strictly_decoded(data: bytes) -> int:
    with av.open(io.BytesIO(data), "r", options={"err_detect": "explode"}) as container:
        return sum(1 for _ in container.decode(video=0))


def _packet_times(film: Path) -> list[float]:
    command = ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    run = subprocess.run([*command, str(film)], capture_output=True, check=True, text=True)
    return [float(line.strip(",")) for line in run.stdout.split()]
