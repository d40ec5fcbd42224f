"""CPU time to turn a frame into fragments, with all the processes that takes: beside the way of
FastVideo, and beside libx264 alone with the same settings, which no way can undercut."""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from benchmarks._report import Figure, package_versions, report, take_turns
from benchmarks.encode_peer import encoding_conditions, peer_segment
from benchmarks.encode_scene import Rgb, i420_scene, scene
from matinee.media.h264 import X264_PARAMS
from matinee.media.i420 import I420Picture
from matinee.media.media_stream import MediaStream

WIDTH, HEIGHT, FPS, FRAMES = 832, 480, 24, 24
REPETITIONS = 11
CLIP = f"{FRAMES} frames {WIDTH}x{HEIGHT}"


def main() -> None:
    rgb, i420 = scene(WIDTH, HEIGHT, FRAMES), i420_scene(WIDTH, HEIGHT, FRAMES)
    stream = MediaStream(WIDTH, HEIGHT, FPS)
    encoder = bare_encoder()
    ours, peer, bare = take_turns(
        REPETITIONS,
        lambda: cpu_ms_per_frame(lambda: our_segment_bytes(stream, i420)),
        lambda: cpu_ms_per_frame(lambda: asyncio.run(peer_segment_bytes(rgb))),
        lambda: cpu_ms_per_frame(lambda: bare_segment_bytes(encoder, i420)),
    )
    report(
        name="encode CPU per frame, 480p, I420 in",
        unit="ms",
        ours=ours,
        peer=peer,
        target=0.33,
        conditions={
            "clip": CLIP,
            "our_bytes": our_segment_bytes(stream, i420),
            "peer_bytes": asyncio.run(peer_segment_bytes(rgb)),
            **encoding_conditions(),
        },
    )
    tell_floor(ours, bare, bare_segment_bytes(encoder, i420))


def tell_floor(ours: Figure, bare: Figure, floor_bytes: int) -> None:
    report(
        name="encode CPU per frame, 480p, beside libx264 alone",
        unit="ms",
        ours=ours,
        peer=bare,
        target=1.15,
        conditions={
            "clip": CLIP,
            "floor": "libx264 through PyAV, the same settings, packets thrown away",
            "floor_bytes": floor_bytes,
            **package_versions("av"),
        },
    )


def our_segment_bytes(stream: MediaStream, pictures: Sequence[I420Picture]) -> int:
    stream.start_segment()
    fragments = [*(stream.push(picture) for picture in pictures), stream.flush()]
    return sum(len(fragment.data) for fragment in fragments if fragment)


def bare_encoder() -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    context.thread_count = 1
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": "23",
        "forced-idr": "1",
        "x264-params": X264_PARAMS,
    }
    return context


def bare_segment_bytes(encoder: VideoCodecContext, pictures: Sequence[I420Picture]) -> int:
    size = 0
    for picture in pictures:
        frame = av.VideoFrame.from_numpy_buffer(picture, "yuv420p")
        if picture is pictures[0]:
            frame.pict_type = PictureType.I
        size += sum(packet.size for packet in encoder.encode(frame))
    return size


async def peer_segment_bytes(pictures: Sequence[Rgb]) -> int:
    return sum([len(data) async for data in peer_segment(pictures, FPS)])


def cpu_ms_per_frame(encode_segment: Callable[[], int]) -> float:
    before = cpu_ms()
    encode_segment()
    return (cpu_ms() - before) / FRAMES


def cpu_ms() -> float:
    """User and system time of this process and of the children that have ended."""
    spent = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in spent) * 1000


if __name__ == "__main__":
    main()
